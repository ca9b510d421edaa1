import { isRecord, wrongArgument } from '../common/checks.js';
import type { TEventsMap, TLooseData, TLooseEvents, TPayload, TTopic } from '../protocol/event-maps.js';
import type { IJoinAnswer, ILeaveAnswer } from '../protocol/messages.js';
import type { TSocketIOClientState } from '../protocol/states.js';
import { type Method, notOneObject, wrongCall } from './calls.js';
import { Lifecycle } from './lifecycle.js';
import { Log } from './log.js';
import { checkOptions, type ISocketIOClientOptions } from './options.js';
import type { EmitArguments } from './outbound.js';
import type { RequestArguments } from './requests.js';
import type { Socket } from './socket-io-types.js';
import type { ISocketIOClientStatus, IWaitOptions, TSocketIOClientStatus } from './status.js';
import { nothing, Subscriptions } from './subscriptions.js';
import type {
  IEmission,
  IRequest,
  ISubscription,
  TAnswer,
  TAnyHandler,
  TEmitTopic,
  THandlerOf,
  THandlers,
  TListenTopic,
  TLooseEmission,
  TLooseRequest,
  TLooseSubscription,
  TRequestTopic,
  TTypedEmission,
  TTypedRequest,
  TTypedSubscription,
} from './types.js';

/** The parts that exist after `configure()`. */
interface Parts {
  readonly lifecycle: Lifecycle;
  readonly subscriptions: Subscriptions;
}

/**
 * A Socket.IO client that authenticates, joins rooms, and isolates errors of handlers. It runs in browsers, Node.js, Bun and
 * React Native.
 *
 * The maps are Socket.IO's, from the client's side: `ListenEvents` has the events that the server sends. The last two are
 * unused: they exist so that both helpers accept the same type parameters.
 *
 * @example
 * const helper = new SocketIOClientHelper({
 *   identifier: 'web',
 *   host: 'https://example.org',
 *   options: { path: '/io' },
 *   credentials: async () => ({ token: await fetchToken() }),
 *   queue: true,
 *   onStatusChanged: ({ status, message }) => showStatus(status, message),
 * });
 * helper.subscribe({ event: 'news', handler: (news) => showNews(news) });
 * await helper.waitFor('authenticated');
 * const { refused } = await helper.joinRooms({ rooms: ['public/news'] });
 */
export class SocketIOClientHelper<
  ListenEvents extends TEventsMap = TLooseEvents,
  EmitEvents extends TEventsMap = TLooseEvents,
  _ServerSideEvents extends TEventsMap = TLooseEvents,
  _SocketData = TLooseData,
> {
  /** Names this client in log lines. */
  readonly identifier: string;
  readonly #log: Log;
  readonly #options: ISocketIOClientOptions;
  #parts: Parts | undefined;
  #isShutDown = false;

  /**
   * Creates the socket and starts connecting, unless `options.autoConnect` is false.
   * @throws RoomgateError `invalid_option`, naming the option, the expected and the received value.
   */
  constructor(options: ISocketIOClientOptions) {
    const warnings = checkOptions(options);
    this.identifier = options.identifier;
    this.#options = options;
    this.#log = new Log(options.identifier, options.logger, options.logLevel);
    for (const warning of warnings) this.#log.write('warn', warning);
    this.configure();
  }

  /** Creates the socket. The constructor has done so; another call is harmless. */
  configure(): void {
    this.#running();
  }

  /** Connects; while waiting to reconnect, immediately. Does nothing when connected, and after `shutdown()`, which is final. */
  connect(): void {
    if (this.#isShutDown) this.#log.write('warn', 'connect() was ignored: this client was shut down. Create a new one');
    else this.#running().lifecycle.connect();
  }

  /** Disconnects, and stops trying until `connect()`. Listeners stay. */
  disconnect(): void {
    this.#running().lifecycle.disconnect();
  }

  /** Asks to be authenticated. Unless connected and unauthorized, it only logs. */
  authenticate(): void {
    if (this.#running().lifecycle.authenticate()) return;
    const { connection, status } = this.#running().lifecycle;
    const unconnected = status.isShutDown ? 'shut down. Create a new one' : 'not connected. Call it in onConnected';
    const why = connection.connected ? `${this.getState()} already` : unconnected;
    this.#log.write('warn', `authenticate() was ignored: this client is ${why}`);
  }

  /** The authentication state of this client. Unauthorized again on every disconnect. */
  getState(): TSocketIOClientState {
    return this.#running().lifecycle.state.current;
  }

  /**
   * The connection status, for a user interface: an immutable object, which is the same until the status changes. Together with
   * `onStatus` it fits React's `useSyncExternalStore`.
   */
  getStatus(): ISocketIOClientStatus {
    return this.#running().lifecycle.status.current;
  }

  /**
   * Calls `listener` at each change of the status; its errors are logged. Returns its own remover.
   * @example const stop = helper.onStatus(({ status, message }) => show(status, message));
   */
  onStatus(listener: (status: ISocketIOClientStatus) => void): () => void {
    if (typeof listener !== 'function') throw wrongArgument('onStatus', 'listener', 'a function', listener);
    return this.#running().lifecycle.status.listen(listener);
  }

  /**
   * Resolves once the status is reached, immediately if it is already. `connected` also counts as reached in each status after it.
   * @throws RoomgateError (as a rejection) `refused`, `disconnected` or `shut_down` once only the program could change the status;
   *   `timed_out` after `timeout` milliseconds, without a limit by default; `invalid_argument` for an unknown status. Rejects with
   *   the reason of `signal` when that is aborted.
   * @example await helper.waitFor('authenticated', { timeout: 10_000 });
   */
  waitFor(status: TSocketIOClientStatus, opts?: IWaitOptions): Promise<void> {
    return this.#running().lifecycle.status.waitFor(status, opts);
  }

  /** The raw socket, for what this API doesn't cover. */
  getSocketClient(): Socket<ListenEvents, EmitEvents> {
    // The event maps exist for the compiler only.
    return this.#running().lifecycle.connection.socket as unknown as Socket<ListenEvents, EmitEvents>;
  }

  /**
   * Handles an event, across reconnects. Returns a function that removes this handler. If the event has a handler already, it logs a
   * warning and ignores the new one, unless `ignoreDuplicate` is false; then the returned function does nothing. Listeners of the
   * raw socket do not count. Errors and rejections of the handler are logged, and so is a missing event or handler.
   * @example
   * const stop = helper.subscribe({ event: 'news', handler: (news) => showNews(news) });
   * stop();
   */
  subscribe<T = unknown>(opts: TLooseSubscription<ListenEvents, T>): () => void;
  subscribe<T extends TListenTopic<ListenEvents>, _Inferred>(
    opts: ISubscription<T, THandlerOf<ListenEvents, T>>,
  ): () => void;
  subscribe<T extends TListenTopic<ListenEvents>>(opts: TTypedSubscription<ListenEvents, T>): () => void;
  subscribe(opts: { event?: unknown; handler?: unknown; ignoreDuplicate?: unknown }): () => void {
    if (this.#isShutDown) {
      this.#log.write('warn', 'subscribe() was ignored: this client was shut down. Create a new one');
      return nothing;
    }
    if (!this.#isOneObject('subscribe', opts)) return nothing;
    const { event, handler, ignoreDuplicate } = opts;
    return this.#running().subscriptions.add(event, handler, ignoreDuplicate !== false);
  }

  /**
   * The same for each entry: event name to handler. The returned function removes all handlers that this call has added.
   * @example helper.subscribeMany({ events: { news: showNews, weather: showWeather } });
   */
  subscribeMany(opts: { events: THandlers<ListenEvents> }): () => void {
    if (!this.#isOneObject('subscribeMany', opts)) return nothing;
    if (!isRecord(opts.events)) {
      const error = wrongCall('subscribeMany', 'events', 'an object of handlers by event', opts.events);
      this.#log.write('warn', error.message);
      return nothing;
    }
    const removers = Object.entries(opts.events).map(([event, handler]) =>
      this.subscribe({ event, handler } as TLooseSubscription<ListenEvents, unknown>),
    );
    return () => {
      for (const remove of removers) remove();
    };
  }

  /**
   * Removes a handler of `subscribe`, even if it was subscribed several times; without `handler` all handlers of the event.
   * Listeners of the raw socket stay.
   * @example helper.unsubscribe({ event: 'news', handler: showNews });
   */
  unsubscribe(opts: { event: TListenTopic<ListenEvents>; handler?: TAnyHandler | undefined }): void {
    if (this.#isOneObject('unsubscribe', opts)) this.#running().subscriptions.remove(opts.event, opts.handler);
  }

  /** Removes all handlers that were given to `subscribe` for each of the events. */
  unsubscribeMany(opts: { events: readonly TListenTopic<ListenEvents>[] }): void {
    if (!this.#isOneObject('unsubscribeMany', opts)) return;
    if (Array.isArray(opts.events)) for (const event of opts.events) this.#running().subscriptions.remove(event);
    else this.#log.write('warn', wrongCall('unsubscribeMany', 'events', 'an array of names', opts.events).message);
  }

  /**
   * Emits to the server. `cb` runs after the message was passed to Socket.IO, and after `emit` has returned. `doLog` logs the topic.
   * With the option `queue`, messages wait while this client is not authenticated. If one can't be sent, `cb` gets an error:
   * `expired`, `refused`, `disconnected`, `user_changed` or `shut_down`. A message that was sent can still be lost when the connection breaks.
   * @throws RoomgateError `not_connected` without a connection, with a queue only if none will come by itself; `queue_full`;
   *   `invalid_argument` if the topic is empty or reserved, or Socket.IO can't carry the data.
   * @example helper.emit({ topic: 'say', data: 'Hello' });
   */
  emit<T = unknown>(opts: TLooseEmission<EmitEvents, T>): void;
  emit<T extends TEmitTopic<EmitEvents>, _Inferred>(opts: IEmission<T> & { data: TPayload<EmitEvents, T> }): void;
  emit<T extends TTopic<EmitEvents>>(opts: TTypedEmission<EmitEvents, T>): void;
  emit(opts: EmitArguments): void {
    this.#running().lifecycle.outbound.emit(opts);
  }

  /**
   * Emits and resolves with the server's acknowledgement: its first argument. With the option `queue`, it waits in the same queue as
   * `emit`, in the order of the calls. Without `data`, the acknowledgement is the first argument of the server's handler.
   * @throws RequestError (as a rejection) with the code and the message of the server, if it answered with an error. Otherwise
   *   `timed_out` after `timeout` milliseconds, 10 000 by default, for waiting, sending and the answer together; `not_connected`,
   *   `queue_full`, `expired` and `user_changed` if it was not sent; `refused`, `disconnected` and `shut_down` when the connection ends;
   *   `invalid_argument` as `emit` does. `mayHaveRun` says whether the server's handler may have run. Rejects with the reason of
   *   `signal` when that is aborted: then nothing is known about the handler.
   * @example
   * const order = await helper.request<{ id: string }>({ topic: 'order', data: { item: 'tea' }, timeout: 5_000 });
   */
  request<O = unknown>(opts: TLooseRequest<EmitEvents>): Promise<O>;
  request<T extends TRequestTopic<EmitEvents>, _Inferred>(
    opts: IRequest<T> & { data: TPayload<EmitEvents, T> },
  ): Promise<TAnswer<EmitEvents, T>>;
  request<T extends TRequestTopic<EmitEvents>>(opts: TTypedRequest<EmitEvents, T>): Promise<TAnswer<EmitEvents, T>>;
  request(opts: RequestArguments): Promise<unknown> {
    return this.#running().lifecycle.requests.request(opts);
  }

  /**
   * Requests rooms. The promise never rejects: if the server granted nothing or could not be reached, every room is in `refused`, with
   * the reason. With automatic authentication a room stays wanted until its refusal is final or it is left. It is requested again
   * after each reconnect, and, if this client was not authenticated yet, as soon as it is.
   * @example const { joined, refused } = await helper.joinRooms({ rooms: ['public/news'] });
   */
  joinRooms(opts: { rooms: readonly string[] }): Promise<IJoinAnswer> {
    return this.#running().lifecycle.rooms.join(opts);
  }

  /**
   * Leaves rooms. The promise never rejects, like that of `joinRooms`.
   * @example await helper.leaveRooms({ rooms: ['public/news'] });
   */
  leaveRooms(opts: { rooms: readonly string[] }): Promise<ILeaveAnswer> {
    return this.#running().lifecycle.rooms.leave(opts);
  }

  /**
   * Checks the connection now, and replaces it within 2 s if it is dead. In browsers this happens by itself when the page becomes
   * visible or the network is back. Call it where a program learns that in another way, such as `AppState` of React Native, or
   * `powerMonitor` of Electron. Without a connection, the next attempt begins now. Harmless at any time.
   * @example AppState.addEventListener('change', (state) => state === 'active' && helper.wake());
   */
  wake(): void {
    this.#running().lifecycle.woken();
  }

  /**
   * Leaves the server, and forgets the user: queued messages fail with `disconnected`, no room is joined again, and `auth`, `query`
   * and `extraHeaders` are cleared. Once the promise has resolved, no request carries them. The status is `disconnected` at once.
   * Handlers of `subscribe` stay. `connect()` asks `credentials` again. Other helpers on the same connection connect again without
   * `query` and `extraHeaders`, if it has them.
   *
   * The promise resolves when the server was told, or within 5 s if it can't be. It never rejects.
   * @example
   * await helper.signOut();
   * showSignIn();
   */
  signOut(): Promise<void> {
    return this.#running().lifecycle.signOut();
  }

  /**
   * Removes all listeners, those of the raw socket included, disconnects and stops trying. Only callbacks of the status are called
   * for it. It is final: make another helper to connect again. A second call is harmless.
   */
  shutdown(): void {
    if (this.#isShutDown) return;
    this.#isShutDown = true;
    this.#running().subscriptions.clear();
    this.#running().lifecycle.shutdown();
    this.#log.write('info', 'shut down');
  }

  #isOneObject(method: Method, given: unknown): boolean {
    const error = notOneObject(method, given);
    if (error !== undefined) this.#log.write('warn', error.message);
    return error === undefined;
  }

  #running(): Parts {
    if (this.#parts !== undefined) return this.#parts;
    const lifecycle = new Lifecycle(this.#options, this.#log);
    this.#parts = { lifecycle, subscriptions: new Subscriptions(lifecycle.connection, this.#log) };
    // Last, because callbacks of the program may use this helper.
    lifecycle.start();
    return this.#parts;
  }
}
