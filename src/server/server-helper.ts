import type { MemoryNetwork } from '../backplane/memory/memory-network.js';
import { sharedNetworkOf } from '../backplane/memory/shared-network.js';
import type { Emitter } from '../backplane/redis/package-types.js';
import { checkOneObject } from '../common/checks.js';
import type { Scope } from '../common/scope.js';
import type { ValueOrPromise } from '../common/types.js';
import { roomOf } from '../common/who.js';
import { reportDropped } from '../fanout/outbound.js';
import type { Revoked } from '../gate/revoker.js';
import type { HandlerRegistry } from '../handlers/registry.js';
import type { Explanation } from '../limits/explanation.js';
import type { Backplane } from '../ports/backplane.js';
import type { HandleOptions } from '../ports/handlers.js';
import type { KnownIdentity, When, Who } from '../ports/identity.js';
import type { Reporter } from '../ports/reports.js';
import type {
  IOServer,
  IOSocket,
  ISendOptions,
  ISocketIOClient,
  TLooseServerHandler,
  TMessage,
  TServerHandlerOf,
  TServerTopic,
} from '../ports/socket.js';
import { RoomgateError } from '../protocol/errors.js';
import type { TEventsMap, TLooseData, TLooseEvents, TPayload, TTopic } from '../protocol/event-maps.js';
import { SocketIOConstants } from '../protocol/events.js';
import type { Schema } from '../protocol/schema.js';
import { Registry } from '../session/registry.js';
import { checkHandler, needSocket, readClients, socketOf } from './arguments.js';
import { type ClassName, classNameOf } from './class-name.js';
import { compose, type Instance } from './compose.js';
import { handlersOf } from './compose-handlers.js';
import { addressOf, onceListening } from './listening.js';
import type { TSocketIOServerOptions } from './options.js';
import { reporterOf } from './reporter.js';
import type { Report } from './reports.js';
import { type ResolvedOptions, resolveOptions } from './resolve-options.js';
import { shutDown } from './shutdown.js';
import { takePath } from './taken-paths.js';

/**
 * A Socket.IO server that drops events before authentication and guards every room.
 *
 * @example
 * const helper = new SocketIOServerHelper({
 *   runtime: 'node',
 *   server: httpServer,
 *   identifier: 'chat-1',
 *   serverOptions: { path: '/io' },
 *   authenticateFn: async ({ auth }) => isValid(auth.token),
 *   validateRoomFn: ({ rooms }) => rooms.filter((room) => room.startsWith('public/')),
 *   clientConnectedFn: ({ socket }) => {
 *     socket.on('hello', (name) => helper.send({ destination: socket.id, payload: { topic: 'hello', data: name } }));
 *   },
 * });
 * await helper.configure();
 */
export class SocketIOServerHelper<
  ListenEvents extends TEventsMap = TLooseEvents,
  EmitEvents extends TEventsMap = TLooseEvents,
  ServerSideEvents extends TEventsMap = TLooseEvents,
  SocketData = TLooseData,
  UserClaims = TLooseData,
> {
  /** The unique name of this instance. */
  readonly identifier: string;
  readonly #options: ResolvedOptions;
  readonly #of: ClassName;
  readonly #sharedNetwork: MemoryNetwork | undefined;
  readonly #report: Reporter<Report>;
  readonly #registry = new Registry();
  readonly #handlers: HandlerRegistry;
  #configuring: Promise<void> | undefined;
  #opening: Backplane | undefined;
  #freePath: (() => void) | undefined;
  #running: Instance | undefined;
  #shuttingDown: Promise<void> | undefined;
  #stopWaiting: (() => void) | undefined;

  /**
   * Checks and remembers the options, and does nothing else. Options without effect are reported as `option_ignored`, and
   * times that were probably meant in seconds as `option_unusual`.
   * @throws RoomgateError `invalid_option`, naming the option, the expected and the received value;
   *   `unsupported`, with the command that installs them, if `redisConnection` is given and the packages for Redis are missing.
   */
  constructor(options: TSocketIOServerOptions<ListenEvents, EmitEvents, ServerSideEvents, SocketData, UserClaims>) {
    this.#options = resolveOptions(options);
    this.#of = classNameOf(options);
    this.#sharedNetwork = sharedNetworkOf(options);
    this.identifier = this.#options.identifier;
    this.#report = reporterOf(options, this.#options);
    this.#handlers = handlersOf(options);
    for (const report of this.#options.remarks) this.#report(report);
  }

  /**
   * Connects to Redis if there is one, then creates the Socket.IO server and attaches it. Call and await it once. A second call is
   * harmless, and after a rejection it may be called again.
   * @throws RoomgateError `redis_unreachable`, naming host and port, if Redis can't be reached within `redisTimeout`;
   *   `invalid_option` if another Socket.IO server has the path; `unsupported` if the installed Socket.IO can't be guarded; `shut_down` after `shutdown()`.
   */
  async configure(): Promise<void> {
    this.#refuseAfterShutdown();
    this.#configuring ??= this.#configure().catch((error: unknown) => {
      this.#configuring = undefined;
      throw error;
    });
    return this.#configuring;
  }

  /**
   * The raw Socket.IO server, for what this API doesn't cover.
   * @throws RoomgateError `not_configured` before `configure()`.
   */
  getIOServer(): IOServer<ListenEvents, EmitEvents, ServerSideEvents, SocketData> {
    // The event maps exist for the compiler only.
    return this.#needRunning('getIOServer').io as IOServer<ListenEvents, EmitEvents, ServerSideEvents, SocketData>;
  }

  /**
   * This instance's clients. Without an argument: all of them, authenticated or not, as the live map. With `id`: that client, if it
   * exists. With `user` or `session`: a new map of those that are authenticated as that user, or in that session.
   * @throws RoomgateError `invalid_argument` for other names, and for more than one.
   */
  getClients(opts: {
    id: string;
  }): ISocketIOClient<ListenEvents, EmitEvents, ServerSideEvents, SocketData, UserClaims> | undefined;
  getClients(
    opts: { user: string } | { session: string },
  ): Map<string, ISocketIOClient<ListenEvents, EmitEvents, ServerSideEvents, SocketData, UserClaims>>;
  getClients(opts?: {
    id?: undefined;
  }): Map<string, ISocketIOClient<ListenEvents, EmitEvents, ServerSideEvents, SocketData, UserClaims>>;
  getClients(opts?: {
    id?: string | undefined;
  }):
    | Map<string, ISocketIOClient<ListenEvents, EmitEvents, ServerSideEvents, SocketData, UserClaims>>
    | ISocketIOClient<ListenEvents, EmitEvents, ServerSideEvents, SocketData, UserClaims>
    | undefined;
  getClients(opts?: Readonly<Record<string, unknown>>): unknown {
    const wanted = readClients(opts);
    if (wanted === undefined) return this.#registry.sessions;
    if (wanted.kind === 'id') return this.#registry.get(wanted.name);
    return new Map([...this.#registry.sessionsIn(roomOf(wanted))].map((session) => [session.id, session]));
  }

  /**
   * Who a client is: what `authenticateFn` returned, or the last renewal. Undefined if it returned `true`, before the client is
   * authenticated, and for a socket of another server. It stays after the client has left, for its `disconnect` handlers.
   *
   * In TypeScript, a `validateRoomFn` that is written in the options of the same constant can't call it (error TS7022), because
   * the type of the constant would depend on itself. Use its argument `identity`.
   * @throws RoomgateError `invalid_argument` if it is not a socket.
   * @example socket.on('say', (text) => save(helper.getIdentity({ socket })?.user, text));
   */
  getIdentity(opts: {
    socket: IOSocket<ListenEvents, EmitEvents, ServerSideEvents, SocketData>;
  }): KnownIdentity<UserClaims> | undefined {
    const { socket } = needSocket('getIdentity', opts);
    const session = this.#registry.of(socket.conn);
    // The claims are what `authenticateFn` returned, whose type this is.
    return session?.socket === socket ? (session.identity as KnownIdentity<UserClaims> | undefined) : undefined;
  }

  /**
   * Ends the access of a user, a session or a socket id on all instances, or with `room` only the access to that room. First make
   * `authenticateFn`, or `validateRoomFn`, refuse it: a client that asks later is decided on anew. What was decided before, and is still
   * pending, is void: an authentication, a renewal, a join. After an instance has confirmed it, nothing is sent to these clients any
   * more. They are told `revoked` and disconnected, and do not reconnect automatically.
   *
   * `issuedBefore`: only clients whose identity was issued before that, so that `issuedBefore: Date.now()` leaves a login alone that
   * happens meanwhile; if your tokens hold whole seconds, round it down to them. `barFor`: refuses the user, the session, or its joins of the room, for that many milliseconds, at most 31 days.
   * Bars are lost if Redis loses its data, so they replace no list of banned users. `message`: for the user. `timeout`: how long it waits
   * for other instances, in milliseconds. Default 5 000.
   * @returns how many clients it ended, how many instances have confirmed it, and which have not. Instances that are cut off from Redis
   *   apply it before they deliver messages of other instances again. If this one is cut off until `timeout`, `unconfirmed` has the entry
   *   `unknown`, and this instance tells the others when Redis is back: for an hour or `barFor`, if it is not shut down before. Logins
   *   after the call are left alone.
   * @throws RoomgateError `not_configured` before `configure()`, `invalid_argument`.
   * @example await helper.revoke({ user: 'ann', barFor: 3_600_000, message: 'You are banned for an hour.' });
   */
  async revoke(
    opts: Who & { room?: string; issuedBefore?: When; barFor?: number; message?: string; timeout?: number },
  ): Promise<Revoked> {
    const { revoker } = this.#needRunning('revoke');
    checkOneObject('revoke', opts, '{ user }');
    return revoker.revoke(opts);
  }

  /**
   * Puts the clients of a user, a session or a socket id into rooms, on all instances. It is the program's decision: `validateRoomFn`
   * is not called. Clients that are authenticated later are not in these rooms.
   * @returns how many instances have confirmed it, and which have not within 5 s.
   * @throws RoomgateError `not_configured` before `configure()`, `invalid_argument` for wrong names.
   * @example await helper.joinRooms({ user: 'ann', rooms: ['team/7'] });
   */
  async joinRooms(opts: Who & { rooms: readonly string[] }): Promise<Scope> {
    const { programJoins } = this.#needRunning('joinRooms');
    checkOneObject('joinRooms', opts, '{ user, rooms }');
    return programJoins.join(opts);
  }

  /**
   * Calls `validateRoomFn` again for clients that are in rooms at their own request, on all instances: after a user has lost a right,
   * or a room was closed. With `user`: all rooms of that user. With `room`: all clients in that room. With both: that user in that room.
   * Clients leave the rooms that are refused now, and receive `roomgate:left` with the reason. Default rooms and rooms that the program
   * joined are not checked. Clients of the same user with the same claims and rooms share a call. If the function fails, the option
   * `onFailure.guard` decides.
   * @returns how many instances have confirmed it, which have not within `timeout`, and how many rooms clients have left, each client
   *   counted. Default of `timeout`: `guardTimeout` plus 2 000 ms.
   * @throws RoomgateError `not_configured` before `configure()`, `invalid_argument` without a user or a room.
   * @example await helper.revalidate({ user: 'ann', room: 'team/7' });
   */
  async revalidate(opts: {
    user?: string | undefined;
    room?: string | undefined;
    timeout?: number | undefined;
  }): Promise<Scope & { left: number }> {
    const { revalidation } = this.#needRunning('revalidate');
    checkOneObject('revalidate', opts, '{ user, room }');
    return revalidation.revalidate(opts);
  }

  /**
   * Says why a user is connected, in rooms, limited or barred, on all instances: the rule, since when and until when. For support and
   * debugging. With `room`: only what concerns that room. It tells no claims, tokens or addresses.
   *
   * `timeout`: how long it waits for other instances, in milliseconds. Default 5 000.
   * @returns the clients of the user with their rooms, the limits that the user has reached, and its bars; how many instances have
   *   answered, and which have not.
   * @throws RoomgateError `not_configured` before `configure()`, `invalid_argument`.
   * @example const { connections, limits, bars } = await helper.explain({ user: 'ann', room: 'team/7' });
   */
  async explain(opts: { user: string; room?: string | undefined; timeout?: number | undefined }): Promise<Explanation> {
    const { explainer } = this.#needRunning('explain');
    checkOneObject('explain', opts, '{ user }');
    return explainer.explain(opts);
  }

  /**
   * Handles an event of clients, at any time: before `configure()` too, so that no event comes too early. The handler returns the
   * acknowledgement. `input`: a schema of zod, valibot, arktype or any other library with the Standard Schema interface. Data that it
   * refuses does not reach the handler; `data` is what it returns. `output`: a schema of the result. `memberOf`: the room that the client
   * has to be in. `limit`: how many events of the topic each user may send.
   *
   * What the handler throws is reported, and the client receives the error `internal`; a `ClientError` reaches the client unchanged. Nothing
   * is answered to a client that does not ask for an acknowledgement, or has left. `signal` aborts when the client has left, and at
   * `handlerTimeout`; then the client receives `timed_out`. `errors`: the codes of `ClientError` that the handler may throw.
   *
   * The handler runs after `onAny` and the middleware of `socket.use`, before listeners of `socket.on`.
   * @returns a function that removes the handler.
   * @throws RoomgateError `invalid_argument` for wrong arguments, a reserved topic, and the second handler of a topic.
   * @example helper.handle({
   *   topic: 'say',
   *   input: z.object({ room: z.string(), text: z.string().max(500) }),
   *   memberOf: ({ room }) => room,
   *   handler: async ({ data, identity }) => ({ id: await save(identity?.user, data) }),
   * });
   */
  handle<
    T extends TTopic<ListenEvents>,
    Input extends Schema | undefined = undefined,
    Output extends Schema | undefined = undefined,
  >(
    opts: HandleOptions<ListenEvents, EmitEvents, ServerSideEvents, SocketData, UserClaims, T, Input, Output>,
  ): () => void {
    return this.#handlers.add(opts);
  }

  /**
   * Listens on the Socket.IO server itself, not on one socket: to `connection`, `new_namespace` and what other instances send with
   * `serverSideEmit`. Errors and rejections of the handler are reported.
   * @throws RoomgateError `not_configured` before `configure()`, `invalid_argument` without a topic or a handler.
   * @example helper.on({ topic: 'connection', handler: (socket: IOSocket) => count(socket.id) });
   */
  on<A extends unknown[] = unknown[], R = void>(
    opts: TLooseServerHandler<ServerSideEvents, (...args: A) => ValueOrPromise<R>>,
  ): void;
  on<T extends TServerTopic<ListenEvents, EmitEvents, ServerSideEvents, SocketData>>(opts: {
    topic: T;
    handler: TServerHandlerOf<ListenEvents, EmitEvents, ServerSideEvents, SocketData, T>;
  }): void;
  on(opts: { topic: string; handler: (...args: unknown[]) => unknown }): void {
    const { io, packets } = this.#needRunning('on');
    checkHandler(opts);
    const { topic, handler } = opts;
    const listener = async (...args: unknown[]): Promise<void> => {
      try {
        await handler(...args);
      } catch (error) {
        this.#report({ type: 'handler_failed', where: `the handler of "${topic}"`, error });
      }
    };
    if (OF_SOCKETS.has(topic)) this.#report({ type: 'handler_unreachable', topic });
    else if (!OF_SERVER.has(topic)) packets.watch(topic);
    // Socket.IO types only its own events; this method accepts any.
    const events: Pick<NodeJS.EventEmitter, 'on'> = io;
    events.on(topic, listener);
  }

  /**
   * Sends to a socket id, a room, `{ user }`, `{ session }` or an array of these; without `destination` to every authenticated
   * client. Reaches the clients of every instance, each once, in the order of the calls. While Redis is unreachable, this instance's own clients still get messages.
   * Once `shutdown()` has begun, messages are dropped and reported.
   *
   * `doLog` reports that the message was sent. `cb` runs through `setImmediate` after that.
   * @throws RoomgateError `not_configured` before `configure()`; `invalid_argument` for a topic that is missing or
   *   reserved, an empty destination, and data that Socket.IO can't carry.
   */
  send<T extends TTopic<EmitEvents>>(
    opts: ISendOptions & { payload: { topic: T; data: TPayload<EmitEvents, T> } },
  ): void;
  send<T extends TTopic<EmitEvents>>(opts: ISendOptions & { payload: TMessage<EmitEvents, T> }): void;
  send(opts: ISendOptions & { payload: { topic: string; data?: unknown } }): void {
    // Also after a shutdown before `configure()`.
    if (this.#running === undefined && this.#shuttingDown !== undefined) reportDropped(opts, this.#report);
    else this.#needRunning('send').outbound.send(opts);
  }

  /**
   * Ends a client's session and disconnects it. Socket.IO's client does not reconnect automatically after that. Does nothing without
   * a socket, for example if the client has left.
   * @throws RoomgateError `invalid_argument` if it is not a socket.
   */
  disconnect(opts: { socket: IOSocket<ListenEvents, EmitEvents, ServerSideEvents, SocketData> }): void {
    const socket = socketOf(opts);
    if (socket === undefined || socket === null) return;
    if (this.#running === undefined) socket.disconnect();
    else this.#running.performer.disconnect(socket);
  }

  /**
   * The Bun engine.
   * @throws RoomgateError `unsupported` on Node.js.
   */
  // biome-ignore lint/suspicious/noExplicitAny: the class of an optional package, whose types need those of Bun
  getEngine(): any {
    if (this.#options.runtime === 'bun') return this.#options.engine;
    throw new RoomgateError(
      'unsupported',
      'getEngine(): expected runtime "bun", received runtime "node". Only Bun has a separate engine.',
    );
  }

  /**
   * The plain `@socket.io/redis-emitter` on this instance's third connection to Redis. What it sends reaches this
   * instance's own clients through Redis too.
   * @throws RoomgateError `not_configured` before `configure()`, `unsupported` without `redisConnection`.
   */
  getEmitter(): Emitter<EmitEvents> {
    const emitter = this.#needRunning('getEmitter').backplane.emitter();
    if (emitter !== undefined) return emitter as Emitter<EmitEvents>;
    throw new RoomgateError(
      'unsupported',
      'getEmitter(): expected the option "redisConnection", received undefined. Only Redis has an emitter; send() needs none.',
    );
  }

  /**
   * Closes every connection so that clients reconnect automatically to another instance. Then closes the Socket.IO server, its http
   * server, and the connections to Redis. After `shutdownTimeout` the remaining connections are closed by force. Never rejects. A
   * second call, or one before `configure()`, is harmless. While `configure()` waits for Redis it makes that reject, and does not
   * close the HTTP server, to which nothing was attached yet.
   */
  shutdown(): Promise<void> {
    if (this.#configuring === undefined) return Promise.resolve();
    this.#shuttingDown ??= this.#shutdown();
    return this.#shuttingDown;
  }

  async #configure(): Promise<void> {
    const { runtime, server, redisConnection } = this.#options;
    this.#refuseAfterShutdown();
    this.#freePath = takePath(this.#options, { of: this.#of, identifier: this.identifier });
    try {
      this.#running = await this.#compose();
    } catch (error) {
      this.#freePath();
      throw error;
    }
    const path = this.#running.io.path() || '/';
    const address = addressOf(server);
    const redis = redisConnection !== undefined;
    this.#report({ type: 'configured', path, runtime, redis, ...(address === undefined ? {} : { address }) });
    if (address === undefined) {
      this.#stopWaiting = onceListening(server, (it) => this.#report({ type: 'listening', path, address: it }));
    }
  }

  #compose(): Promise<Instance> {
    return compose({
      options: this.#options,
      registry: this.#registry,
      handlers: this.#handlers,
      sharedNetwork: this.#sharedNetwork,
      report: this.#report,
      opening: (backplane) => {
        this.#opening = backplane;
      },
      assertWanted: () => this.#refuseAfterShutdown(),
    });
  }

  async #shutdown(): Promise<void> {
    this.#stopWaiting?.();
    this.#running?.outbound.stop();
    // A configure() that still waits for Redis rejects, and closes its connections itself.
    await this.#opening?.close(this.#options.shutdownTimeout);
    await this.#configuring?.catch(() => {});
    if (this.#running === undefined) return;
    // It may have succeeded all the same, in the tick of the call.
    this.#stopWaiting?.();
    this.#running.outbound.stop();
    await shutDown({ ...this.#running, timeoutMs: this.#options.shutdownTimeout, report: this.#report });
    this.#freePath?.();
  }

  #refuseAfterShutdown(): void {
    if (this.#shuttingDown === undefined) return;
    throw new RoomgateError(
      'shut_down',
      `configure(): this helper ("${this.identifier}") was shut down. Create a new one.`,
    );
  }

  #needRunning(method: string): Instance {
    if (this.#running !== undefined) return this.#running;
    const text = this.#configuring === undefined ? 'call and await configure() first' : NOT_YET;
    throw new RoomgateError('not_configured', `${method}(): ${text}.`);
  }
}

/** Events that only sockets have, and those of clients that Roomgate handles itself. */
const OF_SOCKETS: ReadonlySet<string> = new Set([
  ...['disconnect', 'disconnecting', SocketIOConstants.EVENT_AUTHENTICATE],
  ...[SocketIOConstants.EVENT_JOIN, SocketIOConstants.EVENT_LEAVE],
]);
const OF_SERVER: ReadonlySet<string> = new Set(['connection', 'connect', 'new_namespace']);
const NOT_YET = 'configure() has not resolved yet. Await it first: await helper.configure()';
