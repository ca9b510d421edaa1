import { HISTORY_LENGTH } from '../words.js';

/** What any message has, said in a room or to one person. */
export interface IEntry {
  id: string;
  from: string;
  at: string;
}

/** The last messages of each conversation. Nothing here rejects: a chat goes on without its history. */
export interface IHistory<T extends IEntry> {
  /** Resolves to the message that has this id already, where there is one; then nothing is added. */
  add(conversation: string, message: T): Promise<T | undefined>;
  /** The oldest first. */
  list(conversation: string): Promise<T[]>;
}

/** How many conversations are kept; beyond that the one that was silent for longest is forgotten. */
const MAX_CONVERSATIONS = 500;

export class MemoryHistory<T extends IEntry> implements IHistory<T> {
  readonly #conversations = new Map<string, T[]>();

  async add(conversation: string, message: T): Promise<T | undefined> {
    const messages = this.#conversations.get(conversation) ?? [];
    const earlier = messages.find(({ id }) => id === message.id);
    if (earlier === undefined) this.#keep(conversation, [...messages, message]);
    return earlier;
  }

  async list(conversation: string): Promise<T[]> {
    return this.#conversations.get(conversation) ?? [];
  }

  /** Takes in what it does not know yet, each at its time. */
  merge(conversation: string, others: readonly T[]): T[] {
    const byId = new Map(others.map((message) => [message.id, message]));
    for (const message of this.#conversations.get(conversation) ?? []) byId.set(message.id, message);
    const merged = [...byId.values()].sort((one, other) => one.at.localeCompare(other.at));
    return merged.length === 0 ? merged : this.#keep(conversation, merged);
  }

  #keep(conversation: string, messages: readonly T[]): T[] {
    const last = messages.slice(-HISTORY_LENGTH);
    // Put at the end, so that the first one is always the one that was silent for longest.
    this.#conversations.delete(conversation);
    this.#conversations.set(conversation, last);
    const [oldest] = this.#conversations.keys();
    if (this.#conversations.size > MAX_CONVERSATIONS && oldest !== undefined) this.#conversations.delete(oldest);
    return last;
  }
}
