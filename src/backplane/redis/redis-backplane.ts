import { createAdapter } from '@socket.io/redis-adapter';
import { Emitter } from '@socket.io/redis-emitter';
import { within } from '../../common/within.js';
import type { AdapterFactory, Backplane, BackplaneLocal, IdOwner } from '../../ports/backplane.js';
import type { Reporter } from '../../ports/reports.js';
import { RoomgateError } from '../../protocol/errors.js';
import { PARSER } from '../parser.js';
import { RejectedMessages } from '../rejected-messages.js';
import type { BackplaneReport } from '../reports.js';
import { call } from './acl.js';
import { type Dialer, type GivenRedis, isReplyOf } from './client.js';
import { connectionName, createDialer } from './connections.js';
import { Instances } from './instances.js';
import { Publisher } from './publisher.js';
import { createReportOnce } from './report-once.js';
import { settling } from './settling.js';
import { Subscriber } from './subscriber.js';
import { TALLY_TICKS, Tally } from './tally.js';
import { waitUntilConnected } from './wait-until-connected.js';

export interface RedisBackplaneOptions {
  /** A client of ioredis, or anything that hands one out. It is duplicated, and otherwise left alone. */
  readonly redisConnection: GivenRedis;
  /** Names the connections in Redis' list of clients. */
  readonly identifier: string;
  readonly report: Reporter<BackplaneReport>;
  /** What the adapter's channels start with. Programs that share one Redis must differ in it. Default `socket.io`. */
  readonly key?: string | undefined;
}

const TICK_MS = 1_000;
/** Between two probes of the subscription, in ticks. */
const PROBE_TICKS = 5;

/** Instances act as one through Redis: classic publish and subscribe, in Socket.IO's own formats. */
export function createRedisBackplane(options: RedisBackplaneOptions): Backplane {
  return new RedisBackplane(options);
}

class RedisBackplane implements Backplane {
  readonly #options: RedisBackplaneOptions;
  #session: OpenBackplane | undefined;

  constructor(options: RedisBackplaneOptions) {
    this.#options = options;
  }

  async open(local: BackplaneLocal, timeoutMs: number): Promise<void> {
    if (this.#session !== undefined) throw new RoomgateError('invalid_argument', 'The backplane is open already.');
    const session = new OpenBackplane(this.#options);
    this.#session = session;
    try {
      await session.open(local, timeoutMs);
    } catch (error) {
      if (this.#session === session) this.#session = undefined;
      await session.close(0);
      throw error;
    }
  }

  adapterFactory(): AdapterFactory {
    return this.#opened().adapterFactory;
  }

  emitter(): Emitter {
    return this.#opened().emitter;
  }

  async findSockets(ids: readonly string[], timeoutMs: number): Promise<ReadonlyMap<string, IdOwner>> {
    if (this.#session !== undefined) return this.#session.instances.findSockets(ids, timeoutMs);
    return new Map(ids.map((id) => [id, 'unanswered']));
  }

  instances(): number {
    return this.#session?.instances.instances ?? 0;
  }

  async close(timeoutMs: number): Promise<void> {
    const session = this.#session;
    this.#session = undefined;
    await session?.close(timeoutMs);
  }

  #opened(): OpenBackplane {
    if (this.#session !== undefined) return this.#session;
    throw new RoomgateError('not_configured', 'The backplane is not open.');
  }
}

/** From `open` to `close`: the three connections and what is made of them. */
class OpenBackplane {
  readonly instances: Instances;
  readonly adapterFactory: AdapterFactory;
  readonly emitter: Emitter;
  readonly #dialer: Dialer;
  readonly #junk: RejectedMessages;
  readonly #publisher: Publisher;
  readonly #subscriber: Subscriber;
  /** Of the emitter, and of the instance's ordinary commands, which a subscriber can't send. */
  readonly #third: Publisher;
  readonly #probeChannel: string;
  readonly #tallyChannel: string;
  readonly #tally: Tally;
  readonly #closing = new AbortController();
  #ticker: NodeJS.Timeout | undefined;
  #ticks = 0;

  constructor({ redisConnection, identifier, report, key = 'socket.io' }: RedisBackplaneOptions) {
    const dialer = createDialer(redisConnection);
    const limited = createReportOnce(report);
    const junk = new RejectedMessages(report);
    const shared = { dialer, report, limited, junk, key };
    const nameOf = (role: string) => connectionName(identifier, role);
    const instances = new Instances({
      ...shared,
      command: (...args) => this.#third.command(...args),
      onReadOnly: () => this.#replaceAll(),
    });
    // A room of the namespace '/', so that it comes through the very subscription that carries rooms. Every other
    // server drops it undecoded, as it has no such room.
    const rooms = `${key}#/#`;
    const probePrefix = `${rooms}roomgate:probe:`;
    this.#dialer = dialer;
    this.#junk = junk;
    this.instances = instances;
    this.#probeChannel = `${probePrefix}${instances.id}#`;
    this.#tallyChannel = `roomgate:${key}:sent`;
    const tally = new Tally({
      id: instances.id,
      report,
      instances: () => instances.instances,
      hears: (namespace) => this.#subscriber.hears(namespace),
    });
    this.#tally = tally;
    this.#publisher = new Publisher({
      ...shared,
      name: 'publisher',
      connectionName: nameOf('publisher'),
      onWrite: (channel, message) => tally.sent(channel, message),
    });
    this.#third = new Publisher({
      ...shared,
      name: 'emitter',
      connectionName: nameOf('emitter'),
      greet: (client) => instances.renew((...args) => call(client, ...args)),
    });
    this.#subscriber = new Subscriber({
      ...shared,
      connectionName: nameOf('subscriber'),
      patterns: [`${rooms}*`],
      channels: new Map([
        [instances.askChannel, (message) => instances.hearAsk(message)],
        [instances.answerChannel, (message) => instances.hearAnswer(message)],
        [instances.goodbyeChannel, (message) => instances.hearGoodbye(message)],
        [this.#tallyChannel, (message) => this.#hearTally(message)],
      ]),
      probePrefix,
      onProbe: (sender) => instances.heard(sender),
      onBroadcast: (message) => tally.heard(message),
      onRestored: () => tally.restored(),
    });
    const make = createAdapter(this.#publisher, this.#subscriber, { key, parser: PARSER });
    const parts = { isHearing: () => this.#subscriber.connected, report };
    // Socket.IO calls it with `new`, which an arrow function would not take.
    this.adapterFactory = function create(namespace) {
      return settling(make(namespace), parts);
    };
    this.emitter = new Emitter(this.#third, { key, parser: PARSER });
  }

  async open(local: BackplaneLocal, timeoutMs: number): Promise<void> {
    this.instances.serve(local);
    this.#ticker = setInterval(() => this.#tick(), TICK_MS);
    this.#ticker.unref();
    const links = [this.#publisher, this.#subscriber, this.#third];
    for (const link of links) link.start();
    await waitUntilConnected(links, this.#dialer.address, timeoutMs, this.#closing.signal);
    this.#probe();
    this.#tellTally();
  }

  async close(timeoutMs: number): Promise<void> {
    const deadline = performance.now() + timeoutMs;
    this.#closing.abort();
    clearInterval(this.#ticker);
    this.instances.end();
    if (this.#third.healthy) {
      await within(this.instances.leave(), timeoutMs / 2, 'Redis did not answer in time.').catch(() => {});
    }
    const left = Math.max(0, deadline - performance.now());
    await Promise.all([this.#publisher.stop(left), this.#subscriber.stop(left), this.#third.stop(left)]);
  }

  #tick(): void {
    this.#ticks += 1;
    this.#publisher.tick();
    this.#third.tick();
    this.#subscriber.tick(this.#publisher.healthy);
    this.#junk.tick();
    if (this.#ticks % PROBE_TICKS === 0) this.#probe();
    this.#tally.tick();
    if (this.#ticks % TALLY_TICKS === 0) this.#tellTally();
    this.instances.tick().catch((error: unknown) => {
      if (isReplyOf(error, 'MOVED', 'ASK')) this.#third.replace(error);
    });
  }

  /** Publishes the counts on the connection of the broadcasts, so that they arrive after what they count. */
  #tellTally(): void {
    this.#publisher.command('publish', this.#tallyChannel, this.#tally.telling()).catch(() => {});
  }

  #hearTally(message: Buffer): void {
    try {
      this.#tally.hear(message);
    } catch (error) {
      this.#junk.refuse('sent', error);
    }
  }

  #probe(): void {
    this.#publisher.command('publish', this.#probeChannel, '').then(
      () => this.#subscriber.probed(),
      () => {},
    );
  }

  /** An address may lead to another Redis by now, which is the master. Instances must not listen to different ones. */
  #replaceAll(): void {
    const error = new Error('Redis refuses to write.');
    for (const link of [this.#publisher, this.#subscriber, this.#third]) link.replace(error);
  }
}
