import { HISTORY_LENGTH } from '../words.js';

/** What any message has, in a room or to one person. */
export interface Entry {
  /** Unique; the server chose it. */
  id: string;
  /** The sender's own token. Two senders may use the same one. */
  echo?: string | undefined;
  from: string;
  at: string;
}

/** The last messages of each conversation. Nothing here rejects: a chat goes on without its history. */
export interface HistoryStore<T extends Entry> {
  /** Resolves to the message that this sender added with the same token before, if there is one; then nothing is added. */
  add(conversation: string, message: T): Promise<T | undefined>;
  /** The oldest first. */
  list(conversation: string): Promise<T[]>;
}

/**
 * How many conversations are kept. Beyond that one is forgotten: of the person who opened most of them, the one that was silent
 * for longest. So a person who opens many conversations loses their own, and not those of others. Full of the longest texts, all
 * of them take 100 MB.
 */
export const MAX_CONVERSATIONS = 500;

interface Conversation<T> {
  /** The sender of the first message. */
  readonly openedBy: string;
  readonly messages: T[];
}

export class MemoryHistory<T extends Entry> implements HistoryStore<T> {
  /** The one that was silent for longest comes first. */
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

  /** Takes in what it does not know yet, each at its time. */
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
    const last = messages.slice(-HISTORY_LENGTH);
    this.#conversations.delete(conversation);
    this.#conversations.set(conversation, { openedBy, messages: last });
    if (this.#conversations.size > MAX_CONVERSATIONS) this.#forgetOne();
    return last;
  }

  #forgetOne(): void {
    const opened = new Map<string, number>();
    for (const { openedBy } of this.#conversations.values()) opened.set(openedBy, (opened.get(openedBy) ?? 0) + 1);
    const most = Math.max(...opened.values());
    for (const [conversation, { openedBy }] of this.#conversations) {
      if (opened.get(openedBy) !== most) continue;
      this.#conversations.delete(conversation);
      return;
    }
  }
}

function isRetry(earlier: Entry, message: Entry): boolean {
  return earlier.echo !== undefined && earlier.echo === message.echo && earlier.from === message.from;
}
