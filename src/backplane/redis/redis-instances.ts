import type { InstanceChange, Instances } from '../../ports/backplane/instances.js';
import type { Topics } from '../topics.js';
import { isForbidden, isReply, isReplyOf } from './client.js';
import type { ReportOnce } from './report-once.js';

export type Command = (name: string, ...args: (string | number)[]) => Promise<unknown>;

export interface RedisInstancesOptions {
  /** The id of this instance. */
  readonly id: string;
  /** The sorted set of the leases. */
  readonly key: string;
  readonly topics: Topics;
  /** Any command of Redis. Rejects when Redis is unreachable. */
  readonly command: Command;
  readonly reportOnce: ReportOnce;
  /** Called when Redis has refused writes for some time: it may no longer be the master. */
  readonly onReadOnly: () => void;
}

/** Length of a lease. Other instances wait that long for one that died. */
const LEASE_MS = 15_000;
/** Ticks between two renewals. */
const RENEW_TICKS = 5;
/** After this time Redis deletes a list that no instance renews. */
const LIST_MS = 10 * LEASE_MS;
const MOST_INSTANCES = 1_000;
/** `onReadOnly` runs each time this many renewals in a row were refused. */
const READ_ONLY_RENEWALS = 3;
const READ_ONLY_REPEAT = 12;

const GOODBYE = 'goodbye';

const UNLEASED =
  'rooms whose names have the form of a plain socket id are refused, because other instances cannot be asked about them';

const UNLISTED = 'after a shutdown of this instance, other instances wait up to 15 s for its answers';

/** Each instance has a lease in Redis, which expires by the clock of Redis. */
export class RedisInstances implements Instances {
  readonly #options: RedisInstancesOptions;
  readonly #listeners: ((change: InstanceChange, id: string) => void)[] = [];
  /**
   * The other instances, and until when they count as alive, by the clock of this process. The list in Redis only adds entries. So
   * instances stay known if Redis loses its data.
   */
  readonly #others = new Map<string, number>();
  #leased = false;
  #ticks = 0;
  #readOnly = 0;

  constructor(options: RedisInstancesOptions) {
    this.#options = options;
    options.topics.subscribe(GOODBYE, (_, from) => this.#remove(from, 'left'));
  }

  get id(): string {
    return this.#options.id;
  }

  get others(): readonly string[] {
    const now = performance.now();
    return [...this.#others].filter(([, until]) => until >= now).map(([id]) => id);
  }

  onChange(listener: (change: InstanceChange, id: string) => void): void {
    this.#listeners.push(listener);
  }

  async list(): Promise<readonly string[]> {
    if (!this.#leased) throw new Error('This instance has no lease, so other instances do not know it.');
    const now = await redisTime(this.#options.command);
    const reply = await this.#leasesFrom(now);
    if (!Array.isArray(reply)) throw new Error('Redis sent an unexpected reply.');
    // RESP 3 answers in pairs.
    const flat = reply.flat();
    for (let i = 0; i + 1 < flat.length; i += 2) {
      const id = String(flat[i]);
      if (id !== this.id) this.#remember(id, Math.min(Number(flat[i + 1]) - now, LEASE_MS));
    }
    return this.others;
  }

  /** A probe of another instance arrived just now. */
  seen(id: string): void {
    if (id === this.id || !/^[\w-]{16}$/.test(id)) return;
    if (this.#others.size < MOST_INSTANCES || this.#others.has(id)) this.#remember(id, LEASE_MS);
  }

  /** Creates or renews the lease. Rejects only if the list is on another node, or if Redis is not ready yet. */
  async renew(command: Command): Promise<void> {
    const { id, key, reportOnce } = this.#options;
    try {
      const now = await redisTime(command);
      await Promise.all([
        command('zadd', key, now + LEASE_MS, id),
        command('zremrangebyscore', key, '-inf', now - LEASE_MS),
        command('pexpire', key, LIST_MS),
      ]);
      this.#leased = true;
      this.#readOnly = 0;
    } catch (error) {
      if (isReplyOf(error, 'MOVED', 'ASK', 'LOADING', 'NOAUTH') || !isReply(error)) throw error;
      this.#leased = false;
      reportOnce('ZADD', UNLEASED, error);
      this.#countReadOnly(error);
    }
  }

  /** Once a second. Rejects as `renew` does. */
  async tick(): Promise<void> {
    const now = performance.now();
    for (const [id, until] of this.#others) if (until < now) this.#remove(id, 'expired');
    this.#ticks += 1;
    if (this.#ticks % RENEW_TICKS === 0) await this.renew(this.#options.command);
  }

  /** Releases the lease, so that no other instance waits for this one. Rejects when Redis is unreachable. */
  async leave(): Promise<void> {
    const { id, key, topics, command, reportOnce } = this.#options;
    const report = (name: string) => (error: unknown) => {
      if (!isForbidden(error)) throw error;
      reportOnce(name, UNLISTED, error);
    };
    await Promise.all([
      command('zrem', key, id).catch(report('ZREM')),
      topics.publish(GOODBYE, {}).catch(report('PUBLISH')),
    ]);
  }

  async #leasesFrom(now: number): Promise<unknown> {
    const { key, command, reportOnce } = this.#options;
    try {
      return await command('zrangebyscore', key, `(${now}`, '+inf', 'WITHSCORES', 'LIMIT', 0, MOST_INSTANCES);
    } catch (error) {
      if (isForbidden(error)) reportOnce('ZRANGEBYSCORE', UNLEASED, error);
      throw error;
    }
  }

  #remember(id: string, forMs: number): void {
    const before = this.#others.get(id);
    this.#others.set(id, Math.max(before ?? 0, performance.now() + forMs));
    if (before === undefined) this.#tell('joined', id);
  }

  #remove(id: string, change: InstanceChange): void {
    const wasKnown = this.#others.delete(id);
    // A question may still wait for an instance whose lease has expired here.
    if (wasKnown || change === 'left') this.#tell(change, id);
  }

  #tell(change: InstanceChange, id: string): void {
    for (const listener of this.#listeners) listener(change, id);
  }

  #countReadOnly(error: unknown): void {
    if (!isReplyOf(error, 'READONLY')) return;
    this.#readOnly += 1;
    if (this.#readOnly % READ_ONLY_REPEAT === READ_ONLY_RENEWALS) this.#options.onReadOnly();
  }
}

/** The time of the clock of Redis, in ms. */
export async function redisTime(command: Command): Promise<number> {
  const reply = await command('time');
  const [seconds, microseconds] = Array.isArray(reply) ? reply.map(Number) : [];
  const now = Math.floor((seconds ?? Number.NaN) * 1_000 + (microseconds ?? Number.NaN) / 1_000);
  if (Number.isNaN(now)) throw new Error('Redis sent an unexpected reply.');
  return now;
}
