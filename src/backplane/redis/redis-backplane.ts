import { randomBytes } from 'node:crypto';
import { createAdapter } from '@socket.io/redis-adapter';
import { Emitter } from '@socket.io/redis-emitter';
import { within } from '../../common/within.js';
import type { Bus } from '../../ports/backplane/bus.js';
import type { Instances } from '../../ports/backplane/instances.js';
import type { Ledger } from '../../ports/backplane/ledger.js';
import type { Reach } from '../../ports/backplane/reach.js';
import type { SharedRate, SharedRateOptions } from '../../ports/backplane/shared-rate.js';
import type { AdapterFactory, Backplane } from '../../ports/backplane.js';
import type { IRedisClientLike, IRedisConnectionLike } from '../../ports/options.js';
import type { Reporter } from '../../ports/reports.js';
import { RoomgateError } from '../../protocol/errors.js';
import { InstanceBus } from '../instance-bus.js';
import { PARSER } from '../parser.js';
import { RejectedMessages } from '../rejected-messages.js';
import type { BackplaneReport } from '../reports.js';
import { type Carrier, Topics } from '../topics.js';
import { call } from './acl.js';
import { type Dialer, isReplyOf } from './client.js';
import { connectionName, createDialer } from './dialers.js';
import { ANNOUNCE_TICKS, MissedBroadcasts } from './missed-broadcasts.js';
import { Outages } from './outages.js';
import { Publisher } from './publisher.js';
import { RedisInstances } from './redis-instances.js';
import { RedisLedger } from './redis-ledger.js';
import { createReportOnce, type ReportOnce } from './report-once.js';
import { settling } from './settling.js';
import { Subscriber } from './subscriber.js';
import { waitUntilConnected } from './wait-until-connected.js';

export interface RedisBackplaneOptions {
  /** A client of ioredis, or an object with `getClient()`. It is duplicated, and not used otherwise. */
  readonly redisConnection: IRedisConnectionLike | IRedisClientLike;
  /** Names the connections in Redis' list of clients. */
  readonly identifier: string;
  readonly report: Reporter<BackplaneReport>;
  /** The prefix of the adapter's channels. Programs that share one Redis must use different ones. Default `socket.io`. */
  readonly key?: string | undefined;
}

const TICK_MS = 1_000;
/** Between two probes of the subscription, in ticks. */
const PROBE_TICKS = 5;
/** The topic of the counts of broadcasts. */
const COUNTS = 'sent';

/** Instances act as one through Redis: classic publish and subscribe, in Socket.IO's own formats. */
export function createRedisBackplane(options: RedisBackplaneOptions): Backplane {
  return new RedisBackplane(options);
}

/** The options that the three connections share. */
interface Shared {
  readonly dialer: Dialer;
  readonly report: Reporter<BackplaneReport>;
  readonly reportOnce: ReportOnce;
  readonly outages: Outages;
  readonly rejected: RejectedMessages;
  readonly key: string;
}

class RedisBackplane implements Backplane {
  readonly bus: Bus;
  readonly instances: Instances;
  readonly ledger: Ledger;
  readonly reach: Reach;
  readonly #id = randomBytes(12).toString('base64url');
  readonly #shared: Shared;
  readonly #publisher: Publisher;
  readonly #subscriber: Subscriber;
  /** The connection for the emitter and for ordinary commands, which a subscriber can't send. */
  readonly #commander: Publisher;
  readonly #emitter: Emitter;
  readonly #bus: InstanceBus;
  readonly #instances: RedisInstances;
  readonly #ledger: RedisLedger;
  readonly #counts: Topics;
  readonly #missed: MissedBroadcasts;
  readonly #closing = new AbortController();
  #state: 'new' | 'open' | 'closed' = 'new';
  #closed: Promise<void> | undefined;
  #ticker: NodeJS.Timeout | undefined;
  #ticks = 0;

  constructor({ redisConnection, identifier, report, key = 'socket.io' }: RedisBackplaneOptions) {
    const rejected = new RejectedMessages(report);
    const dialer = createDialer(redisConnection);
    const outages = new Outages(dialer.address, report);
    this.#shared = { dialer, report, reportOnce: createReportOnce(report), outages, rejected, key };
    this.#missed = new MissedBroadcasts({
      report,
      instances: () => this.#instances.others.length,
      hears: (namespace) => this.#subscriber.hears(namespace),
    });
    this.#publisher = this.#createPublisher(connectionName(identifier, 'publisher'));
    this.#subscriber = this.#createSubscriber(connectionName(identifier, 'subscriber'));
    this.#commander = this.#createCommander(connectionName(identifier, 'emitter'));
    this.#emitter = new Emitter(this.#commander, { key, parser: PARSER });
    // On the connection of the broadcasts, so that the counts arrive after what they count.
    this.#counts = this.#createTopics(this.#publisher);
    this.#counts.subscribe(COUNTS, (message, from) => this.#missed.compare(message, from));
    const topics = this.#createTopics(this.#commander);
    this.#instances = this.#createInstances(topics);
    this.#bus = new InstanceBus(topics, this.#instances);
    this.#ledger = this.#createLedger();
    this.bus = this.#bus;
    this.instances = this.#instances;
    this.ledger = this.#ledger;
    this.reach = this.#subscriber.reach;
  }

  async open(timeoutMs: number): Promise<void> {
    if (this.#state === 'open') throw new RoomgateError('invalid_argument', 'The backplane is open already.');
    if (this.#state === 'closed') throw new RoomgateError('shut_down', 'The backplane was closed. Create another one.');
    this.#state = 'open';
    this.#ticker = setInterval(() => this.#tick(), TICK_MS);
    this.#ticker.unref();
    const connections = this.#connections();
    for (const connection of connections) connection.start();
    try {
      const { dialer, report } = this.#shared;
      const closing = this.#closing.signal;
      await waitUntilConnected({ connections, redis: dialer.address, timeoutMs, closing, report });
    } catch (error) {
      await this.close(0);
      throw error;
    }
    this.#probe();
    this.#announceCounts();
  }

  async createRate(rate: SharedRateOptions): Promise<SharedRate> {
    const { RedisRate } = await import('./redis-rate.js');
    const { reportOnce } = this.#shared;
    const command: Publisher['command'] = (...args) => this.#commander.command(...args);
    return new RedisRate({ rate, beside: this.#instancesKey, command, reportOnce });
  }

  adapterFactory(): AdapterFactory {
    this.#needOpen();
    const make = createAdapter(this.#publisher, this.#subscriber, { key: this.#shared.key, parser: PARSER });
    const parts = { isHearing: () => this.#subscriber.connected, report: this.#shared.report };
    // Not an arrow function, because Socket.IO calls it with `new`.
    return function create(namespace) {
      return settling(make(namespace), parts);
    };
  }

  emitter(): Emitter {
    this.#needOpen();
    return this.#emitter;
  }

  close(timeoutMs: number): Promise<void> {
    this.#closed ??= this.#close(timeoutMs);
    return this.#closed;
  }

  async #close(timeoutMs: number): Promise<void> {
    const deadline = performance.now() + timeoutMs;
    this.#state = 'closed';
    this.#closing.abort();
    this.#shared.outages.close();
    clearInterval(this.#ticker);
    this.#bus.end();
    if (this.#commander.healthy) {
      await within(this.#instances.leave(), timeoutMs / 2, 'Redis did not answer in time.').catch(() => {});
    }
    const left = Math.max(0, deadline - performance.now());
    await Promise.all(this.#connections().map((connection) => connection.stop(left)));
  }

  #needOpen(): void {
    if (this.#state !== 'open') throw new RoomgateError('not_configured', 'The backplane is not open.');
  }

  #connections(): readonly (Publisher | Subscriber)[] {
    return [this.#publisher, this.#subscriber, this.#commander];
  }

  #createPublisher(name: string): Publisher {
    return new Publisher({
      ...this.#shared,
      name: 'publisher',
      connectionName: name,
      onWrite: (channel, message) => this.#missed.countSent(channel, message),
    });
  }

  #createCommander(name: string): Publisher {
    return new Publisher({
      ...this.#shared,
      name: 'emitter',
      connectionName: name,
      prepare: (client) => this.#instances.renew((...args) => call(client, ...args)),
    });
  }

  #createSubscriber(name: string): Subscriber {
    return new Subscriber({
      ...this.#shared,
      connectionName: name,
      patterns: [`${this.#rooms}*`],
      probePrefix: this.#probePrefix,
      onProbe: (sender) => this.#instances.seen(sender),
      onBroadcast: (message) => this.#missed.countReceived(message),
      catchUp: (outageMs) => this.#ledger.catchUp(outageMs),
      onRestored: () => this.#missed.restored(),
    });
  }

  #createTopics(publisher: Publisher): Topics {
    const channelOf = (topic: string) => `roomgate:${this.#shared.key}:${topic}`;
    const carrier: Carrier = {
      publish: async (topic, message) => void (await publisher.command('publish', channelOf(topic), message)),
      subscribe: (topic, listener) => this.#subscriber.listen(channelOf(topic), listener),
    };
    return new Topics({ id: this.#id, carrier, onRejected: (kind, error) => this.#shared.rejected.add(kind, error) });
  }

  #createInstances(topics: Topics): RedisInstances {
    return new RedisInstances({
      id: this.#id,
      key: this.#instancesKey,
      topics,
      command: (...args) => this.#commander.command(...args),
      reportOnce: this.#shared.reportOnce,
      onReadOnly: () => this.#replaceAll(),
    });
  }

  #createLedger(): RedisLedger {
    const { reportOnce, rejected } = this.#shared;
    const onRejected = (error: unknown) => rejected.add('ledger', error);
    return new RedisLedger({ beside: this.#instancesKey, commander: this.#commander, reportOnce, onRejected });
  }

  #tick(): void {
    this.#ticks += 1;
    this.#publisher.tick();
    this.#commander.tick();
    this.#subscriber.tick(this.#publisher.healthy);
    this.#shared.rejected.tick();
    if (this.#ticks % PROBE_TICKS === 0) this.#probe();
    this.#missed.tick();
    if (this.#ticks % ANNOUNCE_TICKS === 0) this.#announceCounts();
    this.#ledger.tick();
    this.#instances.tick().catch((error: unknown) => {
      if (isReplyOf(error, 'MOVED', 'ASK')) this.#commander.replace(error);
    });
  }

  #announceCounts(): void {
    this.#counts.publish(COUNTS, this.#missed.announcement()).catch(() => {});
  }

  #probe(): void {
    const sent = this.#subscriber.beginProbe();
    this.#publisher.command('publish', `${this.#probePrefix}${this.#id}#`, '').then(sent, () => {});
  }

  get #instancesKey(): string {
    return `roomgate:${this.#shared.key}:instances`;
  }

  get #rooms(): string {
    return `${this.#shared.key}#/#`;
  }

  /**
   * A probe goes to a room of the namespace '/', so that it arrives through the same subscription as messages to rooms. Other
   * servers drop it without decoding it, because they have no such room.
   */
  get #probePrefix(): string {
    return `${this.#rooms}roomgate:probe:`;
  }

  /** After a failover the address may lead to a new master. All instances must be connected to the same Redis. */
  #replaceAll(): void {
    const error = new Error('Redis refuses writes.');
    for (const connection of this.#connections()) connection.replace(error);
  }
}
