import type { Server as HttpServer } from 'node:http';
import type { Emitter } from '@socket.io/redis-emitter';
import type { Adapter } from 'socket.io-adapter';
import { createMemoryBackplane } from '../backplane/memory/memory-backplane.js';
import type { MemoryBus } from '../backplane/memory/memory-bus.js';
import { sharedBusOf } from '../backplane/memory/shared-bus.js';
import { wrongArgument } from '../common/checks.js';
import type { ValueOrPromise } from '../common/types.js';
import { NodeFanout } from '../fanout/node-fanout.js';
import type { FanoutOptions } from '../fanout/options.js';
import { Outbound, reportDropped } from '../fanout/outbound.js';
import { keysOf } from '../fanout/replaceable.js';
import { assertGateHolds } from '../gate/gate-probe.js';
import { guardedAdapter, guardLaterAdapters } from '../gate/guarded-adapter.js';
import type { AdapterFactory, Backplane } from '../ports/backplane.js';
import type { Connection } from '../ports/connection.js';
import type { Fanout } from '../ports/fanout.js';
import type { Reporter } from '../ports/reports.js';
import type { Runtime } from '../ports/runtime.js';
import type { IOServer, IOSocket, ISocketIOClient, TMessage } from '../ports/socket.js';
import { RoomgateError } from '../protocol/errors.js';
import type { TEventsMap, TLooseData, TLooseEvents, TTopic } from '../protocol/event-maps.js';
import { isSocketId } from '../protocol/socket-ids.js';
import { IdOwners } from '../rooms/id-owners.js';
import { Rooms } from '../rooms/rooms.js';
import { NodeRuntime } from '../runtime/node-runtime.js';
import { Registry } from '../session/registry.js';
import { newSocketId } from '../session/socket-id.js';
import { makeSocketIds } from '../socketio/socket-io.js';
import { Connections } from './connections.js';
import type { TSocketIOServerOptions } from './options.js';
import { reporterOf } from './reporter.js';
import type { Report } from './reports.js';
import { type ResolvedOptions, resolveOptions } from './resolve-options.js';
import { shutDown } from './shutdown.js';

/** Everything that exists from `configure()` to `shutdown()`. */
interface Running {
  readonly io: IOServer;
  readonly runtime: Runtime;
  readonly backplane: Backplane;
  readonly fanout: Fanout;
  readonly connections: Connections;
  readonly outbound: Outbound;
}

/**
 * A Socket.IO server in which nothing moves before authentication and every room is guarded.
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
> {
  /** The unique name of this instance. */
  readonly identifier: string;
  readonly #options: ResolvedOptions;
  readonly #sharedBus: MemoryBus | undefined;
  readonly #report: Reporter<Report>;
  readonly #registry = new Registry();
  #configuring: Promise<void> | undefined;
  #opening: Backplane | undefined;
  #running: Running | undefined;
  #shuttingDown: Promise<void> | undefined;

  /**
   * Checks and remembers the options, and does nothing else.
   * @throws RoomgateError `invalid_option`, naming the option, what was given and what is wanted.
   */
  constructor(options: TSocketIOServerOptions<ListenEvents, EmitEvents, ServerSideEvents, SocketData>) {
    this.#options = resolveOptions(options);
    this.#sharedBus = sharedBusOf(options);
    this.identifier = this.#options.identifier;
    this.#report = reporterOf(options, this.#options);
  }

  /**
   * Connects to Redis where there is one, then creates the Socket.IO server and attaches it. Call and await it once; a
   * second call is harmless, and after a rejection it may be called again.
   * @throws RoomgateError `redis_unreachable`, naming host and port, when Redis can't be reached within `redisTimeout`;
   *   `unsupported` where the installed Socket.IO can't be guarded; `shut_down` after `shutdown()`.
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

  /** This instance's clients, authenticated or not: the live map, or with `id` that client. */
  getClients(opts: { id: string }): ISocketIOClient<ListenEvents, EmitEvents, ServerSideEvents, SocketData> | undefined;
  getClients(opts?: {
    id?: undefined;
  }): Map<string, ISocketIOClient<ListenEvents, EmitEvents, ServerSideEvents, SocketData>>;
  getClients(opts?: {
    id?: string | undefined;
  }):
    | Map<string, ISocketIOClient<ListenEvents, EmitEvents, ServerSideEvents, SocketData>>
    | ISocketIOClient<ListenEvents, EmitEvents, ServerSideEvents, SocketData>
    | undefined;
  getClients(opts?: { id?: string | undefined }): unknown {
    return opts?.id === undefined ? this.#registry.sessions : this.#registry.get(opts.id);
  }

  /**
   * Listens on the Socket.IO server itself, not on one socket. What the handler throws or rejects with is reported.
   * @throws RoomgateError `not_configured` before `configure()`, `invalid_argument` without a topic or a handler.
   */
  on<A extends unknown[] = unknown[], R = void>(opts: {
    topic: string;
    handler: (...args: A) => ValueOrPromise<R>;
  }): void {
    const { io } = this.#needRunning('on');
    const { topic, handler } = opts ?? {};
    if (typeof topic !== 'string' || topic === '') throw wrongArgument('on', 'topic', 'a name', topic);
    if (typeof handler !== 'function') throw wrongArgument('on', 'handler', 'a function', handler);
    const listener = async (...args: unknown[]): Promise<void> => {
      try {
        await handler(...(args as A));
      } catch (error) {
        this.#report({ type: 'handler_failed', where: `the handler of "${topic}"`, error });
      }
    };
    // Socket.IO types the events that it knows; here any may be listened to.
    (io as unknown as NodeJS.EventEmitter).on(topic, listener);
  }

  /**
   * Sends to a socket id, a room or a list of them, and without `destination` to every authenticated client: on every
   * instance, each client once, in the order of the calls. While Redis is away this instance's own clients are reached
   * as ever. Dropped and reported from the moment `shutdown()` begins.
   *
   * `doLog` reports that it was sent. `cb` runs through `setImmediate` once it is handed over.
   * @throws RoomgateError `not_configured` before `configure()`; `invalid_argument` for a topic that is missing or
   *   reserved, an empty destination, and data that Socket.IO can't carry.
   */
  send<T extends TTopic<EmitEvents>>(opts: {
    destination?: string | readonly string[] | undefined;
    payload: TMessage<EmitEvents, T>;
    doLog?: boolean | undefined;
    cb?: (() => void) | undefined;
  }): void {
    // Also where it ends before it was ever configured.
    if (this.#running === undefined && this.#shuttingDown !== undefined) reportDropped(opts, this.#report);
    else this.#needRunning('send').outbound.send(opts);
  }

  /** Stops a client's timers, forgets it and disconnects it: it stays away until it is told otherwise. */
  disconnect(opts: { socket: IOSocket<ListenEvents, EmitEvents, ServerSideEvents, SocketData> }): void {
    const socket = opts?.socket as IOSocket | undefined;
    if (socket === undefined || socket === null) return;
    if (this.#running === undefined) socket.disconnect();
    else this.#running.connections.disconnect(socket);
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
      'getEngine(): there is an engine with runtime: "bun" only, this one is "node".',
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
    throw new RoomgateError('unsupported', 'getEmitter(): there is an emitter with the option "redisConnection" only.');
  }

  /**
   * Closes every connection so that clients come back by themselves elsewhere, the Socket.IO server, the http server that
   * it is attached to, and the connections to Redis. Takes at most `shutdownTimeout`, past which everything is cut. Never
   * rejects. A second call, or one before `configure()`, is harmless; one while `configure()` waits for Redis makes that
   * reject, and leaves alone the http server, which was not attached to yet.
   */
  shutdown(): Promise<void> {
    if (this.#configuring === undefined) return Promise.resolve();
    this.#shuttingDown ??= this.#shutdown();
    return this.#shuttingDown;
  }

  async #configure(): Promise<void> {
    const options = this.#options;
    this.#refuseAfterShutdown();
    const runtime = await createRuntime(options, this.#report, (connection) => this.#running?.fanout.check(connection));
    const fanout = await this.#createFanout();
    const backplane = await createBackplane(options, this.#sharedBus, this.#report);
    this.#refuseAfterShutdown();
    this.#opening = backplane;
    try {
      await backplane.open({ hasSocket: (id) => this.#registry.has(id) }, options.redisTimeout);
      await assertGateHolds();
      this.#refuseAfterShutdown();
      this.#running = this.#compose(runtime, backplane, fanout);
    } catch (error) {
      await backplane.close(options.shutdownTimeout);
      throw error;
    } finally {
      this.#opening = undefined;
    }
    const redis = options.redisConnection !== undefined;
    this.#report({ type: 'configured', path: this.#running.io.path(), runtime: options.runtime, redis });
  }

  /** The one place that puts the parts together. */
  #compose(runtime: Runtime, backplane: Backplane, fanout: Fanout): Running {
    const options = this.#options;
    const report = this.#report;
    const registry = this.#registry;
    const left = (id: string, room: string): void => registry.get(id)?.takeBack(room);
    const parts = { fanout, report, keyOf: keysOf(options.replaceable, report), left };
    const adapter = guardedAdapter(this.#adapterFactory(backplane), parts);
    const io = runtime.attach({ ...options.serverOptions, adapter });
    fanout.attach(io);
    guardLaterAdapters(io, parts);
    // A client of protocol 3 takes the id of its session for that of its socket; the session has got one of our form.
    makeSocketIds(io.sockets, ({ id }) => (isSocketId(id) ? id : newSocketId()));
    const hasSocket = (id: string): boolean => registry.has(id);
    const owners = new IdOwners({ io, backplane, hasSocket });
    const rooms = new Rooms({
      ...options,
      hasSocket,
      findSockets: (names, timeoutMs) => owners.find(names, timeoutMs),
      report,
    });
    const connections = new Connections({ options, registry, rooms, runtime, report });
    connections.attach(io);
    return { io, runtime, backplane, fanout, connections, outbound: new Outbound(io, report) };
  }

  async #createFanout(): Promise<Fanout> {
    const { fanout: coalesce, limits, runtime } = this.#options;
    const options: FanoutOptions = {
      coalesce,
      mostBytes: limits.queuedBytes,
      tooSlow: (connection, waitingBytes) => this.#running?.connections.tooSlow(connection, waitingBytes),
      report: this.#report,
    };
    if (runtime === 'node') return new NodeFanout(options);
    // Loaded here and not before, so that an instance on Node.js loads nothing of it.
    const { BunFanout } = await import('../fanout/bun-fanout.js');
    return new BunFanout(options);
  }

  #adapterFactory(backplane: Backplane): AdapterFactory | undefined {
    const own = this.#options.serverOptions.adapter as
      | (new (
          ...args: Parameters<AdapterFactory>
        ) => Adapter)
      | undefined;
    const factory = backplane.adapterFactory();
    if (own === undefined) return factory;
    if (factory === undefined) return (namespace) => new own(namespace);
    this.#report({
      type: 'option_ignored',
      option: 'serverOptions.adapter',
      reason: 'redisConnection brings its own adapter',
    });
    return factory;
  }

  async #shutdown(): Promise<void> {
    this.#running?.outbound.stop();
    // A configure() that still waits for Redis gives up, and leaves nothing open by itself.
    await this.#opening?.close(this.#options.shutdownTimeout);
    await this.#configuring?.catch(() => {});
    if (this.#running === undefined) return;
    await shutDown({ ...this.#running, timeoutMs: this.#options.shutdownTimeout, report: this.#report });
  }

  #refuseAfterShutdown(): void {
    if (this.#shuttingDown === undefined) return;
    throw new RoomgateError('shut_down', `configure(): "${this.identifier}" was shut down. Make a new helper instead.`);
  }

  #needRunning(method: string): Running {
    if (this.#running !== undefined) return this.#running;
    throw new RoomgateError('not_configured', `${method}(): call and await configure() first.`);
  }
}

async function createRuntime(
  { runtime, server, engine }: ResolvedOptions,
  report: Reporter<Report>,
  waits: (connection: Connection) => void,
): Promise<Runtime> {
  if (runtime === 'node') return new NodeRuntime(server as HttpServer, report, newSocketId);
  // Loaded here and not before, so that an instance on Node.js loads nothing of it.
  const { BunRuntime } = await import('../runtime/bun/bun-runtime.js');
  return new BunRuntime(engine, server, report, waits);
}

async function createBackplane(
  { redisConnection, identifier }: ResolvedOptions,
  bus: MemoryBus | undefined,
  report: Reporter<Report>,
): Promise<Backplane> {
  if (redisConnection === undefined) return createMemoryBackplane({ bus, identifier, report });
  // Loaded here and not before, so that an instance without Redis loads no Redis module.
  const { createRedisBackplane } = await import('../backplane/redis/redis-backplane.js');
  return createRedisBackplane({ redisConnection, identifier, report });
}
