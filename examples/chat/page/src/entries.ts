import type { Conversation, Entry } from './state.js';

/** The page keeps this many sent messages of each conversation. */
const MOST_KEPT = 300;

/** A message from the server, of either kind. */
export interface Told {
  readonly id: string;
  /** The token with which this page sent it. Only its sender receives it. */
  readonly echo?: string | undefined;
  readonly from: string;
  readonly text: string;
  readonly at: string;
}

/**
 * Adds messages from the server, by the server's time. A message with this page's own token replaces the entry that waited for
 * it. Sent entries are compared by the server's ids, which no sender can choose.
 */
export function withTold(entries: readonly Entry[], told: readonly Told[]): readonly Entry[] {
  const news = new Map(told.map((message) => [message.id, message]));
  const arrived = new Set(told.map(({ from, echo }) => echo && keyOf(from, echo)));
  const others = entries.filter(({ id, from, delivery }) =>
    delivery === 'sent' ? !news.has(id) : !arrived.has(keyOf(from, id)),
  );
  const sent: Entry[] = others.filter(({ delivery }) => delivery === 'sent');
  for (const { id, echo, from, text, at } of news.values()) {
    sent.push({ id, from, text, at, delivery: 'sent', ...(echo === undefined ? {} : { echo }) });
  }
  sent.sort((one, other) => (one.at < other.at ? -1 : Number(one.at > other.at)));
  return [...sent.slice(-MOST_KEPT), ...others.filter(({ delivery }) => delivery !== 'sent')];
}

const keyOf = (from: string, echo: string): string => JSON.stringify([from, echo]);

/** How many of them are new, and from somebody else. */
export function countNew({ entries }: Conversation, told: readonly Told[], me: string | undefined): number {
  const known = new Set(entries.map(({ id }) => id));
  return told.filter(({ id, from }) => from !== me && !known.has(id)).length;
}

/** Changes the unsent entry with this id. Returns the same list if there is none. */
export function changed(entries: readonly Entry[], id: string, change: (entry: Entry) => Entry): readonly Entry[] {
  const isIt = (entry: Entry): boolean => entry.id === id && entry.delivery !== 'sent';
  return entries.some(isIt) ? entries.map((entry) => (isIt(entry) ? change(entry) : entry)) : entries;
}

/** Marks it as failed. If the server's message comes after all, that replaces it. */
export function failed(entry: Entry, reason: string): Entry {
  const { id, from, text, at } = entry;
  return { id, from, text, at, delivery: 'failed', reason };
}

/** Call it after `withTold` of the history: a doubtful message that the history does not have was lost. */
export function withoutLost(entries: readonly Entry[]): readonly Entry[] {
  const isLost = ({ delivery }: Entry): boolean => delivery === 'doubtful';
  if (!entries.some(isLost)) return entries;
  return entries.map((entry) =>
    isLost(entry) ? failed(entry, 'the connection broke while it was on its way') : entry,
  );
}
