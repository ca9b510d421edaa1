import { type Entry, HOME, type Key, type State, targetOf } from './state.js';

/** In sessionStorage, which belongs to one tab, so that two windows can be two people. */
const NAME = 'roomgate-chat';

/** The data that survives a reload. */
export interface Memory {
  readonly name: string;
  readonly login: string;
  /** The rooms to join, by their short ids. */
  readonly rooms: readonly string[];
  /** Conversations with people, and in all conversations the messages that are not known to have arrived. */
  readonly unsent: readonly (readonly [Key, readonly Entry[]])[];
}

export const FIRST_ROOMS: readonly string[] = [targetOf(HOME).name];

/** Undefined if storage is forbidden, or holds something else. */
export function recall(): Memory | undefined {
  try {
    const memory = JSON.parse(sessionStorage.getItem(NAME) ?? 'null') as Memory | null;
    const { name, login } = memory ?? {};
    const isOurs = memory !== null && typeof name === 'string' && typeof login === 'string';
    return isOurs && Array.isArray(memory.rooms) && Array.isArray(memory.unsent) ? memory : undefined;
  } catch {
    return undefined;
  }
}

export function remember(state: State): void {
  try {
    const memory = memoryOf(state);
    if (memory === undefined) sessionStorage.removeItem(NAME);
    else sessionStorage.setItem(NAME, JSON.stringify(memory));
  } catch {
    // Storage is full or forbidden: then a reload asks for the name again.
  }
}

export function memoryOf(state: State): Memory | undefined {
  const { me: name, login, memberships, conversations } = state;
  if (name === undefined || login === undefined) return undefined;
  const rooms = [...memberships].filter(([, { state: it }]) => it === 'in' || it === 'asking').map(([id]) => id);
  const unsent = [...conversations]
    .map(([key, { entries }]) => [key, entries.filter(({ delivery }) => delivery !== 'sent')] as const)
    .filter(([key, entries]) => entries.length > 0 || targetOf(key).kind === 'person');
  return { name, login, rooms, unsent };
}

/** The history shows which messages arrived before the reload. */
export function restored({ unsent }: Memory): ReadonlyMap<Key, readonly Entry[]> {
  const doubted = (entry: Entry): Entry => (entry.delivery === 'failed' ? entry : { ...entry, delivery: 'doubtful' });
  return new Map(unsent.map(([key, entries]) => [key, entries.map(doubted)]));
}
