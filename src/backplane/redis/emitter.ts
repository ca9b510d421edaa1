import { checkCallback, checkLogger, checkOptionsObject, milliseconds, wrongOption } from '../../common/checks.js';
import { checkNames, UNKNOWN_OPTION } from '../../common/known-options.js';
import { likelySeconds } from '../../common/likely-seconds.js';
import { checkLogLevel } from '../../common/log-level.js';
import { checkRedisConnection } from '../../common/redis-client.js';
import { emitSafely, nameOf, resolveSend, topicOf } from '../../common/target.js';
import type { ILogger, TLogLevel } from '../../common/types.js';
import { createReporter } from '../../observability/reporter.js';
import {
  type HandlerFailed,
  type MessageDropped,
  type MessageSent,
  type OptionIgnored,
  type OptionUnusual,
  SHARED_LINES,
} from '../../observability/shared-reports.js';
import type { Who } from '../../ports/identity.js';
import type { IRedisClientLike, IRedisConnectionLike } from '../../ports/options.js';
import type { LogLines, Reporter } from '../../ports/reports.js';
import type { TMessage } from '../../ports/socket.js';
import { RoomgateError } from '../../protocol/errors.js';
import type { TEventsMap, TLooseEvents, TTopic } from '../../protocol/event-maps.js';
import { CONNECTION_LINES, type ConnectionReport } from '../reports.js';
import { connectionName, createDialer } from './dialers.js';
import { Outages } from './outages.js';
import type { Emitter } from './package-types.js';
import { Publisher } from './publisher.js';
import { checkEmitterPackage } from './redis-packages.js';
import { createReportOnce } from './report-once.js';
import { waitUntilConnected } from './wait-until-connected.js';

/** The options of `SocketIOEmitterHelper`. */
export interface ISocketIOEmitterOptions {
  /** Unique name of this process, in logs and in Redis' list of clients. */
  identifier: string;
  /** A Redis helper, or a client of ioredis. The emitter duplicates it once and does not use it otherwise. */
  redisConnection: IRedisConnectionLike | IRedisClientLike;
  /** Milliseconds for which `configure()` tries to reach Redis. Default 30 000. */
  redisTimeout?: number | undefined;
  /** The prefix of the adapter's channels on the servers. Default `socket.io`. */
  key?: string | undefined;
  /**
   * The logger: any object with the methods `debug`, `info`, `warn` and `error`. Default: the console, which shows warnings, errors
   * and lines that `doLog` requests. `false`: nothing is logged.
   */
  logger?: ILogger | false | undefined;
  /**
   * The lowest level of lines that are written: `debug`, `info`, `warn`, `error` or `silent`. Default: the environment variable
   * `ROOMGATE_LOG` for the console, else `warn`; every level for a `logger` of your own.
   */
  logLevel?: TLogLevel | undefined;
  /** Receives every report, synchronously and in order, like `onReport` of the server helper. */
  onReport?: ((report: EmitterReport) => void) | undefined;
}

/** The reports of `SocketIOEmitterHelper`: a subset of `Report`. */
export type EmitterReport =
  | HandlerFailed
  | OptionIgnored
  | OptionUnusual
  | MessageSent
  | MessageDropped
  | ConnectionReport;

const LINES: LogLines<EmitterReport> = { ...SHARED_LINES, ...CONNECTION_LINES };

/** The options of `send` of the emitter, with the event map of what clients receive. */
export interface IEmitterMessage<E extends TEventsMap = TLooseEvents, T extends TTopic<E> = TTopic<E>> {
  /** A room, a socket id, `{ user }`, `{ session }`, `{ id }`, or an array of these. Default: every authenticated client. */
  destination?: string | Who | readonly (string | Who)[] | undefined;
  /** The name of the event, and data that Socket.IO can send. */
  payload: EmitterPayload<E, T>;
  /** Whether to log that it was sent. Default false. */
  doLog?: boolean | undefined;
  /** Called through `setImmediate` after the message was passed to the emitter. */
  cb?: (() => unknown) | undefined;
}

/** A topic and its data. Without an event map: any topic, and data that may be left out. */
export type EmitterPayload<E extends TEventsMap, T extends TTopic<E>> = string extends keyof E
  ? { topic: string; data?: unknown }
  : TMessage<E, T>;

const OF = 'SocketIOEmitterHelper';
/** The compiler fails if an option is added to the type and not here. */
const NAMES: Readonly<Record<keyof ISocketIOEmitterOptions, true>> = {
  ...{
    identifier: true,
    redisConnection: true,
    redisTimeout: true,
    key: true,
    logger: true,
    logLevel: true,
    onReport: true,
  },
};
const wrong = wrongOption.bind(undefined, OF);
const TICK_MS = 1_000;
const QUIT_TIMEOUT_MS = 2_000;

interface Running {
  readonly publisher: Publisher;
  readonly outages: Outages;
  readonly emitter: Emitter;
  readonly ticker: NodeJS.Timeout;
}

/**
 * Sends to the clients of all instances from a process without clients, such as a worker or a script. `EmitEvents` is the event map of
 * what clients receive.
 */
export class SocketIOEmitterHelper<EmitEvents extends TEventsMap = TLooseEvents> {
  readonly identifier: string;
  readonly #options: ISocketIOEmitterOptions;
  readonly #report: Reporter<EmitterReport>;
  readonly #closing = new AbortController();
  #configuring: Promise<void> | undefined;
  #running: Running | undefined;

  /**
   * Checks the options. `configure()` connects.
   * @throws RoomgateError `invalid_option`; `unsupported` if `@socket.io/redis-emitter` is not installed.
   */
  constructor(options: ISocketIOEmitterOptions) {
    checkOptionsObject(OF, options, '{ identifier, redisConnection }');
    const unknown = checkNames(OF, options, Object.keys(NAMES));
    const { identifier, redisConnection } = options;
    if (typeof identifier !== 'string' || identifier === '') throw wrong('identifier', 'a unique name', identifier);
    checkRedisConnection(OF, redisConnection);
    checkEmitterPackage(OF);
    checkLogger(OF, options.logger);
    checkLogLevel(OF, options.logLevel);
    checkCallback(OF, 'onReport', options.onReport);
    const redisTimeout = milliseconds(OF, 'redisTimeout', options.redisTimeout, 30_000, 1);
    this.identifier = identifier;
    this.#options = { ...options, redisTimeout };
    const { logger, logLevel, onReport } = options;
    this.#report = createReporter<EmitterReport>({ lines: LINES, identifier, logger, logLevel, onReport });
    for (const option of unknown) this.#report({ type: 'option_ignored', option, reason: UNKNOWN_OPTION });
    for (const [option, ms] of likelySeconds(options)) this.#report({ type: 'option_unusual', option, ms });
  }

  /**
   * Connects to Redis. A second call does nothing. After a rejection it may be called again.
   * @throws RoomgateError `redis_unreachable`, naming host and port, when Redis can't be reached within `redisTimeout`;
   * `shut_down` when `shutdown()` was called.
   */
  configure(): Promise<void> {
    this.#configuring ??= this.#configure().catch((error: unknown) => {
      this.#configuring = undefined;
      throw error;
    });
    return this.#configuring;
  }

  /**
   * Sends to the authenticated clients of every instance, in the order of the calls. After `shutdown()` it is dropped
   * and reported.
   * @throws RoomgateError `invalid_argument`, or `not_configured` before `configure()`.
   */
  send<T extends TTopic<EmitEvents>>(message: IEmitterMessage<EmitEvents, T>): void {
    if (this.#closing.signal.aborted) {
      this.#report({ type: 'message_dropped', topic: topicOf(message) });
      return;
    }
    const resolved = resolveSend(message);
    const { rooms, topic, args } = resolved;
    const emitter = this.getEmitter();
    const target = rooms === undefined ? emitter : emitter.to([...rooms]);
    emitSafely(resolved, () => target.emit(topic, ...args));
    const { doLog, cb } = message;
    if (doLog) this.#report({ type: 'message_sent', topic, destination: nameOf(message.destination) });
    if (typeof cb === 'function') setImmediate(() => this.#call(cb));
  }

  /** The plain `@socket.io/redis-emitter`. @throws RoomgateError `not_configured` before `configure()`. */
  getEmitter(): Emitter {
    if (this.#running !== undefined) return this.#running.emitter;
    throw new RoomgateError('not_configured', 'SocketIOEmitterHelper: call and await configure() first.');
  }

  /**
   * Quits the connection to Redis, or closes it by force after 2 s. A second call, or one before `configure()`, is harmless.
   * Never rejects.
   */
  async shutdown(): Promise<void> {
    this.#closing.abort();
    await this.#configuring?.catch(() => {});
    clearInterval(this.#running?.ticker);
    this.#running?.outages.close();
    await this.#running?.publisher.stop(QUIT_TIMEOUT_MS);
  }

  async #configure(): Promise<void> {
    const { redisConnection, redisTimeout = 30_000, key = 'socket.io' } = this.#options;
    const dialer = createDialer(redisConnection);
    const report = this.#report;
    const outages = new Outages(dialer.address, report);
    const publisher = new Publisher({
      name: 'emitter',
      connectionName: connectionName(this.identifier, 'emitter'),
      dialer,
      report,
      reportOnce: createReportOnce(report),
      outages,
    });
    // Loaded only here, so that a program without an emitter loads no Redis module.
    const [{ Emitter }, { PARSER }] = await Promise.all([import('@socket.io/redis-emitter'), import('../parser.js')]);
    publisher.start();
    try {
      const closing = this.#closing.signal;
      await waitUntilConnected({
        connections: [publisher],
        redis: dialer.address,
        timeoutMs: redisTimeout,
        closing,
        report,
      });
    } catch (error) {
      outages.close();
      await publisher.stop(0);
      throw error;
    }
    const ticker = setInterval(() => publisher.tick(), TICK_MS);
    ticker.unref();
    this.#running = { publisher, outages, emitter: new Emitter(publisher, { key, parser: PARSER }), ticker };
  }

  async #call(cb: () => unknown): Promise<void> {
    try {
      await cb();
    } catch (error) {
      this.#report({ type: 'handler_failed', where: 'the callback of send()', error });
    }
  }
}
