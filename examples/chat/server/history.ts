import { HISTORY_LENGTH } from '../words.js';

/** The fields that every message has, in a room or to one person. */
export interface Entry {
  /** Unique; the server chose it. */
  id: string;
  /** The sender's own token. Two senders may use the same one. */
  echo?: string | undefined;
  from: string;
  at: string;
}

/** The last messages of each conversation. Its methods never reject: the chat continues without its history. */
export interface HistoryStore<T extends Entry> {
  /** Resolves to the message that this sender added with the same token before, if there is one; then nothing is added. */
  add(conversation: string, message: T): Promise<T | undefined>;
  /** The oldest first. */
  list(conversation: string): Promise<T[]>;
}

/**
 * How many conversations are kept. Beyond that the store forgets one of the person who opened most of them: the one without a
 * new message for longest. So a person who opens many conversations loses their own. If all are full of the longest texts, they
 * take 100 MB.
 */
export const MAX_CONVERSATIONS = 500;

interface Conversation<T> {
  /** The sender of the first message. */
  readonly openedBy: string;
  readonly messages: T[];
}

export class MemoryHistory<T extends Entry> implements HistoryStore<T> {
  /** The one without a new message for longest comes first. */
  readonly #conversations = new Map<string, Conversation<T>>();

  async add(conversation: string, message: T): Promise<T | undefined> {
    const messages = this.#messagesOf(conversation);
    const earlier = messages.find((it) => isRetry(it, message));
    if (earlier === undefined) this.#keep(conversation, [...messages, message]);
    return earlier;
  }

  async list(conversation: string): Promise<T[]> {
    return this.#messagesOf(conversation);
  }

  has(conversation: string): boolean {
    return this.#conversations.has(conversation);
  }

  /** Adds the messages that are not in it yet, each at its time. */
  merge(conversation: string, others: readonly T[]): T[] {
    const byId = new Map(others.map((message) => [message.id, message]));
    for (const message of this.#messagesOf(conversation)) byId.set(message.id, message);
    const merged = [...byId.values()].sort((one, other) => one.at.localeCompare(other.at));
    return merged.length === 0 ? merged : this.#keep(conversation, merged);
  }

  #messagesOf(conversation: string): T[] {
    return this.#conversations.get(conversation)?.messages ?? [];
  }

  #keep(conversation: string, messages: readonly T[]): T[] {
    const openedBy = this.#conversations.get(conversation)?.openedBy ?? messages[0]?.from ?? '';
    const last = trimmed(messages);
    this.#conversations.delete(conversation);
    this.#conversations.set(conversation, { openedBy, messages: last });
    if (this.#conversations.size > MAX_CONVERSATIONS) this.#forgetOne();
    return last;
  }

  #forgetOne(): void {
    const opened = countBy(this.#conversations.values(), ({ openedBy }) => openedBy);
    const most = Math.max(...opened.values());
    for (const [conversation, { openedBy }] of this.#conversations) {
      if (opened.get(openedBy) !== most) continue;
      this.#conversations.delete(conversation);
      return;
    }
  }
}

/**
 * At most `HISTORY_LENGTH` of them. Beyond that it drops the oldest message of the person who has most messages in it, so that
 * one person's burst pushes out that person's own messages.
 */
function trimmed<T extends Entry>(messages: readonly T[]): T[] {
  const kept = [...messages];
  while (kept.length > HISTORY_LENGTH) {
    const counts = countBy(kept, ({ from }) => from);
    const most = Math.max(...counts.values());
    kept.splice(
      kept.findIndex(({ from }) => counts.get(from) === most),
      1,
    );
  }
  return kept;
}

function countBy<T>(items: Iterable<T>, keyOf: (item: T) => string): Map<string, number> {
  const counts = new Map<string, number>();
  for (const item of items) counts.set(keyOf(item), (counts.get(keyOf(item)) ?? 0) + 1);
  return counts;
}

function isRetry(earlier: Entry, message: Entry): boolean {
  return earlier.echo !== undefined && earlier.echo === message.echo && earlier.from === message.from;
}
