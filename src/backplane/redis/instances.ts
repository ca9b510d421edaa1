import { randomBytes } from 'node:crypto';
import type { BackplaneLocal, IdOwner } from '../../ports/backplane.js';
import { MOST_IDS, OpenQuestions } from '../open-questions.js';
import { type Ask, parseAnswer, parseAsk, parseGoodbye } from '../questions.js';
import type { RejectedMessages } from '../rejected-messages.js';
import { isForbidden, isReply, isReplyOf } from './client.js';
import type { Limited } from './fence.js';

export type Command = (name: string, ...args: (string | number)[]) => Promise<unknown>;

export interface InstancesOptions {
  /** Two programs that share one Redis differ in it. */
  readonly key: string;
  /** Any command of Redis. Rejects when Redis is away. */
  readonly command: Command;
  readonly limited: Limited;
  readonly junk: RejectedMessages;
  /** Redis has been refusing to write for some time: it may be a master no more, and another one may be. */
  readonly onReadOnly: () => void;
}

/** Of a lease, in ms. An instance that is gone without a word is waited for that long. */
const LEASE_MS = 15_000;
/** Between two renewals, in ticks. */
const RENEW_TICKS = 5;
/** An abandoned list goes away by itself after this, in ms. */
const LIST_MS = 10 * LEASE_MS;
const MOST_INSTANCES = 1_000;
/** Refusals in a row after which a Redis that does not write is told of, and from then on each so many. */
const READ_ONLY_RENEWALS = 3;
const READ_ONLY_REPEAT = 12;

const UNLEASED =
  'rooms that are named like socket ids are refused, as it can not be known whether another instance has them';

const UNLISTED = 'other instances wait up to 15 s for the answers of this one after its shutdown';

/** Which instances live, and what they are asked. Each has a lease in Redis, which runs out by Redis' own clock. */
export class Instances {
  readonly id = randomBytes(12).toString('base64url');
  readonly askChannel: string;
  readonly answerChannel: string;
  readonly goodbyeChannel: string;
  readonly #options: InstancesOptions;
  readonly #list: string;
  readonly #answerPrefix: string;
  readonly #questions = new OpenQuestions({
    living: () => this.#living(),
    ask: (ask, ids) => this.#options.command('publish', this.askChannel, JSON.stringify({ ask, from: this.id, ids })),
  });
  /**
   * Others, and until when (by this process' clock) they count as alive, whatever the list says: a Redis that lost its
   * memory does not make them vanish.
   */
  readonly #others = new Map<string, number>();
  #local: BackplaneLocal | undefined;
  #leased = false;
  #ticks = 0;
  #readOnly = 0;

  constructor(options: InstancesOptions) {
    const prefix = `roomgate:${options.key}`;
    this.#options = options;
    this.#list = `${prefix}:instances`;
    this.#answerPrefix = `${prefix}:answer:`;
    this.askChannel = `${prefix}:ask`;
    this.answerChannel = `${this.#answerPrefix}${this.id}`;
    this.goodbyeChannel = `${prefix}:goodbye`;
  }

  /** How many others count as alive. */
  get instances(): number {
    return this.#alive().length;
  }

  /** From here on others are answered. */
  serve(local: BackplaneLocal): void {
    this.#local = local;
  }

  /** Another instance was heard of just now. */
  heard(id: string): void {
    if (id === this.id || !/^[\w-]{16}$/.test(id)) return;
    if (this.#others.size < MOST_INSTANCES || this.#others.has(id)) this.#remember(id, LEASE_MS);
  }

  /** Takes out or renews the lease. Rejects only where the list is on another node, or Redis not ready yet. */
  async renew(command: Command): Promise<void> {
    try {
      const now = await redisTime(command);
      await Promise.all([
        command('zadd', this.#list, now + LEASE_MS, this.id),
        command('zremrangebyscore', this.#list, '-inf', now - LEASE_MS),
        command('pexpire', this.#list, LIST_MS),
      ]);
      this.#leased = true;
      this.#readOnly = 0;
    } catch (error) {
      if (isReplyOf(error, 'MOVED', 'ASK', 'LOADING', 'NOAUTH') || !isReply(error)) throw error;
      this.#leased = false;
      this.#options.limited('ZADD', UNLEASED, error);
      this.#countReadOnly(error);
    }
  }

  /** Once a second. Rejects as `renew` does. */
  async tick(): Promise<void> {
    const now = performance.now();
    for (const [id, until] of this.#others) if (until < now) this.#others.delete(id);
    this.#ticks += 1;
    if (this.#ticks % RENEW_TICKS === 0) await this.renew(this.#options.command);
  }

  /** See the port. Never rejects. */
  findSockets(ids: readonly string[], timeoutMs: number): Promise<ReadonlyMap<string, IdOwner>> {
    return this.#questions.findSockets(ids, timeoutMs);
  }

  /** Another instance asks. */
  hearAsk(message: Buffer): void {
    try {
      const ask = parseAsk(message, MOST_IDS);
      if (ask.from !== this.id && this.#local !== undefined) this.#answer(ask, this.#local);
    } catch (error) {
      this.#options.junk.refuse('ask', error);
    }
  }

  /** Another instance answers. */
  hearAnswer(message: Buffer): void {
    try {
      const { ask, from, has } = parseAnswer(message, MOST_IDS);
      this.#questions.answered(ask, from, has);
    } catch (error) {
      this.#options.junk.refuse('answer', error);
    }
  }

  /** Another instance leaves, and answers no more. */
  hearGoodbye(message: Buffer): void {
    try {
      const id = parseGoodbye(message);
      this.#others.delete(id);
      this.#questions.left(id);
    } catch (error) {
      this.#options.junk.refuse('goodbye', error);
    }
  }

  /** Gives the lease back, so that nobody waits for this instance. Rejects when Redis is away. */
  async leave(): Promise<void> {
    this.#local = undefined;
    const { command, limited } = this.#options;
    const tell = (name: string) => (error: unknown) => {
      if (!isForbidden(error)) throw error;
      limited(name, UNLISTED, error);
    };
    await Promise.all([
      command('zrem', this.#list, this.id).catch(tell('ZREM')),
      command('publish', this.goodbyeChannel, JSON.stringify({ from: this.id })).catch(tell('PUBLISH')),
    ]);
  }

  /** Whoever still waits for an answer is told that there is none. */
  end(): void {
    this.#questions.end();
  }

  async #living(): Promise<string[]> {
    if (!this.#leased) throw new Error('Others can not know of this instance.');
    const { command } = this.#options;
    const now = await redisTime(command);
    const reply = await this.#leasesFrom(now);
    if (!Array.isArray(reply)) throw new Error('Redis answered something odd.');
    // RESP 3 answers in pairs.
    const flat = reply.flat();
    for (let i = 0; i + 1 < flat.length; i += 2) {
      const id = String(flat[i]);
      if (id !== this.id) this.#remember(id, Math.min(Number(flat[i + 1]) - now, LEASE_MS));
    }
    return this.#alive();
  }

  async #leasesFrom(now: number): Promise<unknown> {
    const range = [`(${now}`, '+inf', 'WITHSCORES', 'LIMIT', 0, MOST_INSTANCES];
    try {
      return await this.#options.command('zrangebyscore', this.#list, ...range);
    } catch (error) {
      if (isForbidden(error)) this.#options.limited('ZRANGEBYSCORE', UNLEASED, error);
      throw error;
    }
  }

  #alive(): string[] {
    const moment = performance.now();
    return [...this.#others].filter(([, until]) => until >= moment).map(([id]) => id);
  }

  #remember(id: string, forMs: number): void {
    this.#others.set(id, Math.max(this.#others.get(id) ?? 0, performance.now() + forMs));
  }

  #answer({ ask, from, ids }: Ask, local: BackplaneLocal): void {
    const has = ids.filter((id) => local.hasSocket(id));
    const answer = JSON.stringify({ ask, from: this.id, has });
    // Where Redis is away meanwhile, the other one does not wait for longer than it wants to.
    this.#options.command('publish', `${this.#answerPrefix}${from}`, answer).catch(() => {});
  }

  #countReadOnly(error: unknown): void {
    if (!isReplyOf(error, 'READONLY')) return;
    this.#readOnly += 1;
    if (this.#readOnly % READ_ONLY_REPEAT === READ_ONLY_RENEWALS) this.#options.onReadOnly();
  }
}

/** In ms. */
async function redisTime(command: Command): Promise<number> {
  const reply = await command('time');
  const [seconds, microseconds] = Array.isArray(reply) ? reply.map(Number) : [];
  const now = Math.floor((seconds ?? Number.NaN) * 1_000 + (microseconds ?? Number.NaN) / 1_000);
  if (Number.isNaN(now)) throw new Error('Redis answered something odd.');
  return now;
}
