import type { Redis } from 'ioredis';
import type { Message } from '../contract.js';
import { HISTORY_LENGTH } from '../words.js';

/** The fields that every message has, in a room or to one person. Two senders may use the same `echo`. */
export type Entry = Pick<Message, 'id' | 'echo' | 'from' | 'at'>;

interface Conversation<T> {
  /** The sender of the first message. */
  openedBy: string;
  messages: readonly T[];
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
 * The last messages of each conversation. An instance has them in memory, and shares them with the others through Redis. While
 * Redis is unreachable it uses its memory, and afterwards it adds to Redis what was sent meanwhile. No method rejects: the chat
 * continues without its history.
 */
export class History<T extends Entry> {
  readonly #redis: Redis | undefined;
  readonly #index: string;
  /** The one without a new message for longest comes first. */
  readonly #memory = new Map<string, Conversation<T>>();

  /** @param kind Of conversation. In Redis, `chat:<kind>:<conversation>` has the messages, and `chat:<kind>` is the index. */
  constructor(kind: string, redis?: Redis) {
    this.#index = `chat:${kind}`;
    this.#redis = redis;
    redis?.on('change', () => {
      for (const conversation of this.#memory.keys()) this.#save(conversation).catch(() => undefined);
    });
  }

  /** Resolves to the message that this sender added with the same token before, if there is one; then nothing is added. */
  async add(conversation: string, message: T): Promise<T | undefined> {
    const added = { openedBy: message.from, messages: [message] };
    this.#remember(conversation, merged(this.#memory.get(conversation), added));
    await this.#save(conversation).catch(() => undefined);
    return this.#memory.get(conversation)?.messages.find((it) => it.id !== message.id && isRetry(it, message));
  }

  /** Whether this instance knows messages of this conversation. */
  has(conversation: string): boolean {
    return this.#memory.has(conversation);
  }

  /** The oldest message comes first. */
  async list(conversation: string): Promise<readonly T[]> {
    await this.#read(conversation).catch(() => undefined);
    return this.#memory.get(conversation)?.messages ?? [];
  }

  /** Adds to Redis the messages that only the memory has. @throws while Redis is unreachable. */
  async #save(conversation: string): Promise<void> {
    const before = await this.#read(conversation);
    const inMemory = this.#memory.get(conversation);
    const after = JSON.stringify(inMemory);
    if (this.#redis === undefined || inMemory === undefined || after === before) return;
    const entry = `${inMemory.openedBy}/${conversation}`;
    const args = [this.#keyOf(conversation), this.#index, before, after, `${LIFETIME_S}`, `${Date.now()}`, entry];
    // If it is not replaced, another instance changed it at the same moment.
    if ((await this.#redis.eval(REPLACE, 2, ...args)) === 0) await this.#save(conversation);
    else if (before === '') await this.#forgetOneInRedis();
  }

  /** Adds to the memory what Redis has, and resolves to its text. @throws while Redis is unreachable. */
  async #read(conversation: string): Promise<string> {
    const text = (await this.#redis?.get(this.#keyOf(conversation))) ?? '';
    if (text !== '') {
      const stored: Conversation<T> = JSON.parse(text);
      this.#remember(conversation, merged(stored, this.#memory.get(conversation) ?? stored));
    }
    return text;
  }

  #remember(conversation: string, changed: Conversation<T>): void {
    this.#memory.delete(conversation);
    this.#memory.set(conversation, changed);
    const openers = [...this.#memory.values()].map(({ openedBy }) => openedBy);
    this.#memory.delete([...this.#memory.keys()][surplusOf(openers, MAX_CONVERSATIONS)] ?? '');
  }

  /** Names contain no slash, so the entries of the index can be split. */
  async #forgetOneInRedis(): Promise<void> {
    const entries = (await this.#redis?.zrange(this.#index, '0', '-1')) ?? [];
    const openers = entries.map((entry) => entry.slice(0, entry.indexOf('/')));
    const entry = entries[surplusOf(openers, MAX_CONVERSATIONS)];
    if (entry === undefined) return;
    await this.#redis?.del(this.#keyOf(entry.slice(entry.indexOf('/') + 1)));
    await this.#redis?.zrem(this.#index, entry);
  }

  #keyOf(conversation: string): string {
    return `${this.#index}:${conversation}`;
  }
}

/** The messages of both, each at its time. A retry is left out, and so are the messages for which there is no room. */
function merged<T extends Entry>(one: Conversation<T> | undefined, other: Conversation<T>): Conversation<T> {
  const messages = [...(one?.messages ?? [])];
  for (const message of other.messages) {
    if (!messages.some((it) => it.id === message.id || isRetry(it, message))) messages.push(message);
  }
  messages.sort((earlier, later) => earlier.at.localeCompare(later.at));
  while (messages.length > HISTORY_LENGTH) {
    const senders = messages.map(({ from }) => from);
    messages.splice(surplusOf(senders, HISTORY_LENGTH), 1);
  }
  return { openedBy: (one ?? other).openedBy, messages };
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
