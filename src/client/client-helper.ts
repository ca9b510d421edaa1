import type { Socket } from 'socket.io-client';
import { describe } from '../protocol/describe.js';
import { RoomgateError } from '../protocol/errors.js';
import type { TEventsMap, TLooseData, TLooseEvents } from '../protocol/event-maps.js';
import { isReservedTopic, SocketIOConstants } from '../protocol/events.js';
import type { IJoinAnswer, ILeaveAnswer } from '../protocol/messages.js';
import type { TSocketIOClientState } from '../protocol/states.js';
import { Connection } from './connection.js';
import { Log } from './log.js';
import { checkOptions, type ISocketIOClientOptions } from './options.js';
import { Rooms } from './rooms.js';
import { Session } from './session.js';
import { Subscriptions } from './subscriptions.js';
import type {
  TAnyHandler,
  TEmitLoosely,
  TEmitTyped,
  THandlers,
  TListenTopic,
  TSubscribeLoosely,
  TSubscribeTyped,
} from './types.js';

const DEFAULT_ROOMS_TIMEOUT_MS = 5_000;

/** Everything that exists from `configure()` on. */
interface IParts {
  readonly connection: Connection;
  readonly subscriptions: Subscriptions;
  readonly rooms: Rooms;
}

/**
 * A Socket.IO client that authenticates, asks for rooms, and keeps one handler's mistake from harming another. It runs in
 * browsers, Node.js, Bun and React Native.
 *
 * The maps are Socket.IO's, from the client's side: `ListenEvents` is what the server sends. The other two are accepted so
 * that both helpers take lists of one form; a client has no use for them.
 *
 * @example
 * const helper = new SocketIOClientHelper({
 *   identifier: 'web',
 *   host: 'https://example.org',
 *   options: { path: '/io', auth: { token } },
 *   onConnected: () => helper.authenticate(),
 *   onAuthenticated: async () => {
 *     const { refused } = await helper.joinRooms({ rooms: ['public/news'] });
 *     helper.subscribe({ event: 'news', handler: (news) => show(news, refused) });
 *   },
 * });
 */
export class SocketIOClientHelper<
  ListenEvents extends TEventsMap = TLooseEvents,
  EmitEvents extends TEventsMap = TLooseEvents,
  _ServerSideEvents extends TEventsMap = TLooseEvents,
  _SocketData = TLooseData,
> {
  /** Names this client in log lines. */
  readonly identifier: string;
  readonly #options: ISocketIOClientOptions;
  readonly #log: Log;
  readonly #session: Session;
  #parts: IParts | undefined;
  #isShutDown = false;

  /**
   * Creates the socket and starts connecting, unless `options.autoConnect` is false.
   * @throws RoomgateError `invalid_option`, naming the option, what was given and what is wanted.
   */
  constructor(options: ISocketIOClientOptions) {
    checkOptions(options);
    this.identifier = options.identifier;
    this.#options = options;
    this.#log = new Log(options.identifier, options.logger);
    this.#session = new Session(options, this.#log);
    this.configure();
  }

  /** Creates the socket. The constructor has done so; another call is harmless. */
  configure(): void {
    this.#running();
  }

  /** Connects. Does nothing when connected, and after `shutdown()`, which is final. */
  connect(): void {
    if (this.#isShutDown) this.#log.write('warn', 'connect(): ignored, as this client was shut down');
    else this.#running().connection.connect();
  }

  /** Disconnects, and stops trying until `connect()`. Listeners stay. */
  disconnect(): void {
    this.#running().connection.disconnect();
  }

  /** Asks to be let in. Does nothing but log unless connected and unauthorized. */
  authenticate(): void {
    const { connection } = this.#running();
    if (connection.connected && this.#session.beginAuthentication()) {
      connection.emit(SocketIOConstants.EVENT_AUTHENTICATE, []);
      return;
    }
    const state = connection.connected ? this.#session.state : 'not connected';
    this.#log.write('warn', `authenticate(): ignored, as this client is ${state}`);
  }

  /** How far this client is. Unauthorized again on every disconnect. */
  getState(): TSocketIOClientState {
    return this.#session.state;
  }

  /** The raw socket, for what this API doesn't cover. */
  getSocketClient(): Socket<ListenEvents, EmitEvents> {
    // The event maps exist for the compiler only.
    return this.#running().connection.socket as unknown as Socket<ListenEvents, EmitEvents>;
  }

  /**
   * Handles an event, across reconnects. Does nothing but log where a handler was subscribed to the event already, unless
   * `ignoreDuplicate` is false; listeners of the raw socket don't count. What the handler throws or rejects with is caught
   * and logged. A missing event or handler is logged, too.
   */
  subscribe<T = unknown>(opts: TSubscribeLoosely<ListenEvents, T>): void;
  subscribe<T extends TListenTopic<ListenEvents>>(opts: TSubscribeTyped<ListenEvents, T>): void;
  subscribe(opts: { event?: unknown; handler?: unknown; ignoreDuplicate?: unknown }): void {
    if (this.#isShutDown) {
      this.#log.write('warn', 'subscribe(): ignored, as this client was shut down');
      return;
    }
    const { event, handler, ignoreDuplicate } = opts ?? {};
    this.#running().subscriptions.add(event, handler, ignoreDuplicate !== false);
  }

  /** The same for each entry: event name to handler. */
  subscribeMany(opts: { events: THandlers<ListenEvents> }): void {
    for (const [event, handler] of Object.entries(opts?.events ?? {})) {
      this.subscribe({ event, handler } as TSubscribeLoosely<ListenEvents, unknown>);
    }
  }

  /**
   * Removes a handler as it was given to `subscribe`, wholly if it was given more than once; without `handler` all that
   * were given for the event. Listeners of the raw socket stay.
   */
  unsubscribe(opts: { event: TListenTopic<ListenEvents>; handler?: TAnyHandler | undefined }): void {
    const { event, handler } = (opts ?? {}) as Partial<typeof opts>;
    this.#running().subscriptions.remove(event, handler);
  }

  /** Removes all handlers that were given to `subscribe` for each of the events. */
  unsubscribeMany(opts: { events: readonly TListenTopic<ListenEvents>[] }): void {
    for (const event of opts?.events ?? []) this.#running().subscriptions.remove(event);
  }

  /**
   * Emits to the server. `cb` runs after it was handed over, once `emit` has returned. `doLog` logs the topic.
   * @throws RoomgateError `not_connected` when there is no connection; `invalid_argument` when the topic is empty or
   *   reserved, or the data is nothing that Socket.IO can carry.
   */
  emit<T = unknown>(opts: TEmitLoosely<EmitEvents, T>): void;
  emit<T extends keyof EmitEvents & string>(opts: TEmitTyped<EmitEvents, T>): void;
  emit(opts: { topic?: unknown; data?: unknown; doLog?: unknown; cb?: unknown }): void {
    const { connection } = this.#running();
    const { topic, data, doLog, cb } = opts ?? {};
    if (!connection.connected)
      throw new RoomgateError('not_connected', 'emit(): there is no connection to the server.');
    checkMessage(topic, data);
    // A trailing undefined would arrive as null.
    connection.emit(topic, data === undefined ? [] : [data]);
    if (doLog) this.#log.writeAsked(`"${topic}" was emitted`);
    if (typeof cb === 'function') {
      void Promise.resolve().then(() => this.#log.run('the callback of emit()', () => cb()));
    }
  }

  /**
   * Asks for rooms. The promise never rejects: where the server granted nothing or could not be asked, every room stands in
   * `refused`, with the reason.
   */
  joinRooms(opts: { rooms: readonly string[] }): Promise<IJoinAnswer> {
    return this.#running().rooms.join(opts);
  }

  /** Gives rooms back. The promise never rejects, as that of `joinRooms`. */
  leaveRooms(opts: { rooms: readonly string[] }): Promise<ILeaveAnswer> {
    return this.#running().rooms.leave(opts);
  }

  /**
   * Removes all listeners, those of the raw socket included, disconnects and stops trying; no callback is called for it. It
   * is final: build another helper to come back. A second call is harmless.
   */
  shutdown(): void {
    if (this.#isShutDown) return;
    this.#isShutDown = true;
    const { connection, subscriptions, rooms } = this.#running();
    subscriptions.clear();
    connection.shutdown();
    this.#session.end();
    rooms.connectionEnded();
    this.#log.write('info', 'shut down');
  }

  #running(): IParts {
    this.#parts ??= this.#build();
    return this.#parts;
  }

  #build(): IParts {
    const { host, options, roomsTimeout = DEFAULT_ROOMS_TIMEOUT_MS } = this.#options;
    const session = this.#session;
    const connection = new Connection(host, options, {
      connected: () => session.connected(),
      disconnected: (reason) => {
        session.disconnected(reason);
        rooms.connectionEnded();
      },
      failed: (error) => session.failed(error),
      authenticated: () => session.authenticated(),
      unauthenticated: (payload) => session.unauthenticated(payload),
      pinged: () => this.#log.write('debug', 'ping'),
    });
    const link = {
      get connected() {
        return connection.connected;
      },
      get state() {
        return session.state;
      },
      ask: connection.ask.bind(connection),
    };
    const rooms = new Rooms(link, roomsTimeout, this.#log);
    return { connection, rooms, subscriptions: new Subscriptions(connection, this.#log) };
  }
}

function checkMessage(topic: unknown, data: unknown): asserts topic is string {
  if (typeof topic !== 'string' || topic === '') throw wrong('topic', 'a string that is not empty', topic);
  if (isReservedTopic(topic)) {
    throw new RoomgateError('invalid_argument', `emit(): topic: "${topic}" is reserved. Take another name.`);
  }
  // Socket.IO would take a function for an acknowledgement, lose a symbol, and fail over a bigint with its own words.
  if (['function', 'symbol', 'bigint'].includes(typeof data)) {
    throw wrong('data', 'a value that Socket.IO can carry', data);
  }
}

function wrong(argument: string, wanted: string, given: unknown): RoomgateError {
  const text = `emit(): ${argument}: ${wanted} is wanted, ${describe(given)} was given.`;
  return new RoomgateError('invalid_argument', text);
}
