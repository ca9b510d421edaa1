import { HISTORY_LENGTH } from '../words.js';
import type { RedisLink } from './redis.js';

/** The fields that every message has, in a room or to one person. */
export interface Entry {
  /** Unique; the server chose it. */
  id: string;
  /** The sender's own token. Two senders may use the same one. */
  echo?: string | undefined;
  from: string;
  at: string;
}

interface Conversation<T> {
  /** The sender of the first message. */
  readonly openedBy: string;
  readonly messages: readonly T[];
}

/**
 * How many conversations are kept. Beyond that the history forgets one of the person who opened most of them: the one without a
 * new message for longest. So a person who opens many conversations loses their own. If all are full of the longest texts, they
 * take 100 MB.
 */
export const MAX_CONVERSATIONS = 500;

/** In Redis, a conversation without a new message is forgotten after a week, in seconds. */
const LIFETIME_S = 7 * 24 * 60 * 60;

/** Replaces a conversation if nobody has changed it since it was read. The index has the times of all conversations. */
const REPLACE = `
local conversation, index = KEYS[1], KEYS[2]
local before, after, lifetime, now, entry = unpack(ARGV)
if (redis.call('GET', conversation) or '') ~= before then return 0 end
redis.call('SET', conversation, after, 'EX', lifetime)
redis.call('ZREMRANGEBYSCORE', index, '-inf', now - lifetime * 1000)
redis.call('ZADD', index, now, entry)
redis.call('EXPIRE', index, lifetime)
return 1
`;

/**
 * The last messages of each conversation. With Redis, all instances share them, and each one remembers what it has read or added.
 * While Redis is unreachable, an instance uses its memory, and afterwards it adds to Redis what was sent meanwhile. No method
 * rejects: the chat continues without its history.
 */
export class History<T extends Entry> {
  readonly #redis: RedisLink | undefined;
  readonly #index: string;
  /** The one without a new message for longest comes first. */
  readonly #memory = new Map<string, Conversation<T>>();
  /** The conversations that Redis does not have like this. */
  readonly #unsaved = new Set<string>();
  /** An instance makes one change after another, so that only other instances can come between. */
  #last: Promise<unknown> = Promise.resolve();

  /** @param kind Of conversation. In Redis, `chat:<kind>:<conversation>` has the messages, and `chat:<kind>` is the index. */
  constructor(kind: string, redis?: RedisLink) {
    this.#index = `chat:${kind}`;
    this.#redis = redis;
    redis?.onChange((available) => {
      if (available) for (const conversation of this.#unsaved) void this.#merge(conversation, []);
    });
  }

  /** Resolves to the message that this sender added with the same token before, if there is one; then nothing is added. */
  async add(conversation: string, message: T): Promise<T | undefined> {
    const { messages } = await this.#merge(conversation, [message]);
    return messages.find((it) => it.id !== message.id && isRetry(it, message));
  }

  /** The oldest message comes first. */
  async list(conversation: string): Promise<readonly T[]> {
    const stored = await this.#read(conversation).catch(() => undefined);
    return this.#remember(conversation, merged(stored?.conversation, this.#messagesOf(conversation))).messages;
  }

  #merge(conversation: string, news: readonly T[]): Promise<Conversation<T>> {
    const change = this.#last.then(async () => {
      const inMemory = merged(this.#memory.get(conversation), news);
      const saved = await this.#save(conversation, this.#unsaved.has(conversation) ? inMemory.messages : news);
      if (saved === undefined && this.#redis !== undefined) this.#unsaved.add(conversation);
      else this.#unsaved.delete(conversation);
      return this.#remember(conversation, saved ?? inMemory);
    });
    this.#last = change;
    return change;
  }

  /** Resolves to the conversation with these messages, or to undefined without Redis. */
  async #save(conversation: string, news: readonly T[]): Promise<Conversation<T> | undefined> {
    try {
      for (;;) {
        const before = await this.#read(conversation);
        const after = merged(before.conversation, news);
        if (await this.#replace(conversation, before.text, after)) {
          if (before.text === '') await this.#forgetOneInRedis();
          return after;
        }
      }
    } catch {
      return undefined;
    }
  }

  /** @throws without Redis. */
  async #read(conversation: string): Promise<{ text: string; conversation?: Conversation<T> }> {
    const text = await this.#run((client) => client.get(this.#keyOf(conversation)));
    return text === null ? { text: '' } : { text, conversation: JSON.parse(text) as Conversation<T> };
  }

  /** Resolves to false if the conversation is no longer what it was before. @throws without Redis. */
  async #replace(conversation: string, before: string, after: Conversation<T>): Promise<boolean> {
    const keys = [this.#keyOf(conversation), this.#index];
    const args = [before, JSON.stringify(after), `${LIFETIME_S}`, `${Date.now()}`, `${after.openedBy}/${conversation}`];
    return (await this.#run((client) => client.eval(REPLACE, keys.length, ...keys, ...args))) === 1;
  }

  /** Names contain no slash, so the entries of the index can be split. */
  async #forgetOneInRedis(): Promise<void> {
    const entries = await this.#run((client) => client.zrange(this.#index, '0', '-1'));
    const openers = entries.map((entry) => entry.slice(0, entry.indexOf('/')));
    const entry = entries[surplusOf(openers, MAX_CONVERSATIONS)];
    if (entry === undefined) return;
    await this.#run((client) => client.del(this.#keyOf(entry.slice(entry.indexOf('/') + 1))));
    await this.#run((client) => client.zrem(this.#index, entry));
  }

  #run<R>(command: Parameters<typeof RedisLink.prototype.run<R>>[0]): Promise<R> {
    return this.#redis === undefined ? Promise.reject(new Error('There is no Redis.')) : this.#redis.run(command);
  }

  #keyOf(conversation: string): string {
    return `${this.#index}:${conversation}`;
  }

  #messagesOf(conversation: string): readonly T[] {
    return this.#memory.get(conversation)?.messages ?? [];
  }

  #remember(conversation: string, changed: Conversation<T>): Conversation<T> {
    if (changed.messages.length === 0) return changed;
    this.#memory.delete(conversation);
    this.#memory.set(conversation, changed);
    if (this.#memory.size > MAX_CONVERSATIONS) this.#forgetOneHere();
    return changed;
  }

  #forgetOneHere(): void {
    const openers = [...this.#memory.values()].map(({ openedBy }) => openedBy);
    const conversation = [...this.#memory.keys()][surplusOf(openers, MAX_CONVERSATIONS)] ?? '';
    this.#memory.delete(conversation);
    this.#unsaved.delete(conversation);
  }
}

/** With the messages that are not in it yet, each at its time. */
function merged<T extends Entry>(before: Conversation<T> | undefined, news: readonly T[]): Conversation<T> {
  const messages = [...(before?.messages ?? [])];
  for (const message of news) {
    if (!messages.some((it) => it.id === message.id || isRetry(it, message))) messages.push(message);
  }
  messages.sort((one, other) => one.at.localeCompare(other.at));
  while (messages.length > HISTORY_LENGTH) {
    messages.splice(
      surplusOf(
        messages.map(({ from }) => from),
        HISTORY_LENGTH,
      ),
      1,
    );
  }
  return { openedBy: before?.openedBy ?? messages[0]?.from ?? '', messages };
}

/**
 * If there are more than `most`: the place of the first one of the person who has most of them. So one person's burst pushes out
 * that person's own messages. Otherwise -1.
 */
function surplusOf(owners: readonly string[], most: number): number {
  if (owners.length <= most) return -1;
  const counts = new Map<string, number>();
  for (const owner of owners) counts.set(owner, (counts.get(owner) ?? 0) + 1);
  const highest = Math.max(...counts.values());
  return owners.findIndex((owner) => counts.get(owner) === highest);
}

function isRetry(earlier: Entry, message: Entry): boolean {
  return earlier.echo !== undefined && earlier.echo === message.echo && earlier.from === message.from;
}
