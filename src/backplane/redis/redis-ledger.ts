import { randomBytes } from 'node:crypto';
import { RejectedMessageError } from '../../common/instance-messages.js';
import type { AddOutcome, Ledger, LedgerEntry, LedgerRead } from '../../ports/backplane/ledger.js';
import {
  Continuity,
  checkEntry,
  LEAST_LIFETIME_MS,
  LONGEST_LIFETIME_MS,
  MOST_ENTRIES,
  type Origin,
  ReadListeners,
} from '../ledger-entries.js';
import { isForbidden, isReply, isReplyOf, SILENT } from './client.js';
import { keyBeside } from './key-beside.js';
import { type Command, redisTime } from './redis-instances.js';
import type { ReportOnce } from './report-once.js';

/** The part of the commander that is used. */
interface Commander {
  readonly healthy: boolean;
  readonly lastError: unknown;
  /** Counts its connections. */
  readonly generation: number;
  readonly command: Command;
}

export interface RedisLedgerOptions {
  /** The key of the sorted set of the instances: the ledger is in the same slot of a cluster. */
  readonly beside: string;
  readonly commander: Commander;
  readonly reportOnce: ReportOnce;
  readonly onRejected: (error: unknown) => void;
}

/** Entries of one reply. */
const PAGE = 1_000;
/** The score of an epoch, which never expires: the last moment of a date. */
const EPOCH_SCORE = 8.64e15;
/** After this time Redis deletes a ledger that no instance uses. Longer than any entry lives. */
const KEY_LIFETIME_MS = LONGEST_LIFETIME_MS + 24 * 3_600_000;
/** Ticks between two renewals of that time. */
const KEEP_TICKS = 3_600;
/** In ms. How long a read waits for the connection of the commander, and between two checks. */
const COMMANDER_TIMEOUT_MS = 5_000;
const CHECK_MS = 10;

const UNWRITTEN = 'other instances learn of revocations only while they are connected, and bars do not last';
const UNREAD = 'after an outage of Redis, identified clients of this instance have to authenticate again';

/**
 * A sorted set. A member is an entry, and its score is its end by the clock of Redis. So one command stores an entry, and no
 * script is needed. It also has the epochs: if they are gone, entries may be gone.
 */
export class RedisLedger implements Ledger {
  readonly #options: RedisLedgerOptions;
  readonly #key: string;
  readonly #command: Command;
  readonly #listeners = new ReadListeners();
  readonly #continuity = new Continuity();
  #ticks = 0;

  constructor(options: RedisLedgerOptions) {
    this.#options = options;
    this.#key = keyBeside(options.beside, 'ledger');
    this.#command = (...args) => options.commander.command(...args);
  }

  onRead(listener: (read: LedgerRead) => void | Promise<void>): void {
    this.#listeners.add(listener);
  }

  async add(id: string, value: string, forMs: number): Promise<AddOutcome> {
    checkEntry(id, value, forMs);
    const member = JSON.stringify([id, value]);
    let now: number;
    try {
      const [time, isFull] = await Promise.all([redisTime(this.#command), this.#isFull()]);
      now = time;
      if (isFull && (await this.#isFullAt(now))) return 'full';
    } catch (error) {
      return this.#notStored(error);
    }
    if (!this.#options.commander.healthy) return 'away';
    try {
      // GT: the later end counts. In one tick with the others, so that the key has a lifetime.
      const added = this.#command('zadd', this.#key, 'GT', now + Math.max(forMs, LEAST_LIFETIME_MS), member);
      void this.#trim(now);
      void this.#keep();
      await added;
      return 'stored';
    } catch (error) {
      return isReply(error) ? this.#notStored(error) : 'uncertain';
    }
  }

  /**
   * Reads the ledger, and calls the listeners. Rejects if one of them failed, or if the connection failed.
   * `outageMs`: how long this instance was cut off; 0 at the start.
   */
  async catchUp(outageMs: number): Promise<void> {
    if (this.#listeners.isEmpty) return;
    await this.#untilHealthy();
    const { commander } = this.#options;
    const { generation } = commander;
    const { entries, origin } = await this.#readUnlessRefused();
    if (commander.generation !== generation) throw new Error('The connection was lost while the ledger was read.');
    const complete = origin !== undefined && this.#continuity.isComplete(origin, outageMs);
    await this.#listeners.tell({ entries, complete });
    this.#continuity.accept(origin ?? { broker: undefined, epochs: [] });
  }

  /** Once a second. */
  tick(): void {
    this.#ticks += 1;
    if (!this.#listeners.isEmpty && this.#ticks % KEEP_TICKS === 0) void this.#keep();
  }

  async #readUnlessRefused(): Promise<{ entries: readonly LedgerEntry[]; origin?: Origin }> {
    try {
      return await this.#read();
    } catch (error) {
      // The last two: the ledger is on another node, although it is beside the instances. This can happen with braces in the key.
      if (!isForbidden(error) && !isReplyOf(error, 'MOVED', 'ASK')) throw error;
      this.#options.reportOnce('ZRANGEBYSCORE', UNREAD, error);
      return { entries: [] };
    }
  }

  async #read(): Promise<{ entries: readonly LedgerEntry[]; origin: Origin }> {
    const [now, broker] = await Promise.all([redisTime(this.#command), this.#broker()]);
    void this.#trim(now);
    const members = await this.#membersAfter(now);
    const epochs = [...members].filter(([, score]) => score === EPOCH_SCORE).map(([member]) => member);
    const entries = [...members].filter(([, score]) => score !== EPOCH_SCORE).map((one) => this.#entryOf(one, now));
    const origin = { broker, epochs: epochs.length > 0 ? epochs : await this.#beginEpoch() };
    return { entries: entries.filter((entry) => entry !== undefined), origin };
  }

  /**
   * In pages by score. Entries are only added, or get a later end. So an entry that this page lacks is in a later one, and none is
   * missed. One that moves may come twice, with its later end last.
   */
  async #membersAfter(now: number): Promise<ReadonlyMap<string, number>> {
    const members = new Map<string, number>();
    let [from, most] = [`(${now}`, PAGE];
    for (;;) {
      const reply = await this.#command('zrangebyscore', this.#key, from, '+inf', 'WITHSCORES', 'LIMIT', 0, most);
      const page = pairsIn(reply);
      for (const [member, score] of page) members.set(member, Number(score));
      const last = page.at(-1);
      if (last === undefined || page.length < most) return members;
      // Again from the last score, because more entries may have it.
      from = last[1];
      most = PAGE + page.filter(([, score]) => score === from).length;
    }
  }

  #entryOf([member, score]: readonly [string, number], now: number): LedgerEntry | undefined {
    try {
      const [id, value]: readonly unknown[] = JSON.parse(member);
      if (typeof id === 'string' && typeof value === 'string') return { id, value, remainingMs: score - now };
      throw new RejectedMessageError('an entry without an id or a value');
    } catch (error) {
      this.#options.onRejected(error);
      return undefined;
    }
  }

  /** Which Redis this is. Undefined if it does not tell, and for a replica, which may lack the latest entries. */
  async #broker(): Promise<string | undefined> {
    try {
      const replies = await Promise.all(['server', 'replication'].map((section) => this.#command('info', section)));
      const info = replies.map(String).join('\n');
      const [process, history, role] = ['run_id', 'master_replid', 'role'].map(
        (name) => new RegExp(`^${name}:(\\w+)`, 'm').exec(info)?.[1],
      );
      return process === undefined || history === undefined || role !== 'master' ? undefined : `${process} ${history}`;
    } catch (error) {
      if (!isForbidden(error)) throw error;
      this.#options.reportOnce('INFO', UNREAD, error);
      return undefined;
    }
  }

  /** A new name each time: with the former one, lost data would look complete. Returns no epoch if Redis refuses it. */
  async #beginEpoch(): Promise<readonly string[]> {
    const epoch = randomBytes(12).toString('base64url');
    try {
      const added = this.#command('zadd', this.#key, EPOCH_SCORE, epoch);
      void this.#keep();
      await added;
      return [epoch];
    } catch (error) {
      if (!isReply(error)) throw error;
      this.#options.reportOnce('ZADD', UNREAD, error);
      return [];
    }
  }

  /** Skips over entries in Redis, which needs no right to count them. */
  async #isFull(): Promise<boolean> {
    const reply = await this.#command('zrangebyscore', this.#key, '-inf', '+inf', 'LIMIT', MOST_ENTRIES - 1, 1);
    return Array.isArray(reply) && reply.length > 0;
  }

  async #isFullAt(now: number): Promise<boolean> {
    await this.#trim(now);
    return this.#isFull();
  }

  /** Deletes expired entries. Never rejects. */
  async #trim(now: number): Promise<void> {
    await this.#command('zremrangebyscore', this.#key, '-inf', now).catch(() => {});
  }

  /** Never rejects. */
  async #keep(): Promise<void> {
    await this.#command('pexpire', this.#key, KEY_LIFETIME_MS).catch(() => {});
  }

  #notStored(error: unknown): 'away' {
    if (isReply(error) && !isReplyOf(error, 'LOADING', 'NOAUTH')) {
      this.#options.reportOnce('ZADD', UNWRITTEN, error);
    }
    return 'away';
  }

  /** The commander connects at the same time as the subscriber that waits for the read. */
  async #untilHealthy(): Promise<void> {
    const { commander } = this.#options;
    const until = performance.now() + COMMANDER_TIMEOUT_MS;
    while (!commander.healthy) {
      if (performance.now() > until) throw commander.lastError ?? new Error(SILENT);
      await new Promise((resolve) => setTimeout(resolve, CHECK_MS).unref());
    }
  }
}

/** Members with their scores. RESP 3 answers in pairs. */
function pairsIn(reply: unknown): [member: string, score: string][] {
  const flat = Array.isArray(reply) ? reply.flat().map(String) : [];
  const pairs: [string, string][] = [];
  for (let i = 0; i + 1 < flat.length; i += 2) pairs.push([flat[i] ?? '', flat[i + 1] ?? '']);
  return pairs;
}
