import type { ServerOptions } from 'socket.io';
import { harmless } from '../gate/origin-guard.js';
import { HandlerRegistry } from '../handlers/registry.js';
import type { HandleOptions } from '../ports/handlers.js';
import type { IBunServerHandle, IBunServerLike, TServerSource } from '../ports/http-server.js';
import type { Reporter } from '../ports/reports.js';
import { RoomgateError } from '../protocol/errors.js';
import type { TEventsMap, TLooseData, TLooseEvents, TTopic } from '../protocol/event-maps.js';
import type { Schema } from '../protocol/schema.js';
import { RuntimeModules } from '../runtime/runtime-modules.js';
import type { IBunHandlers, IBunServeOptions } from '../socketio/bun-types.js';
import { bunFor, refuseOnNode } from './bun-only.js';
import { ownByComponent } from './class-name.js';
import { type ResolvedComponentOptions, resolveComponentOptions } from './component-options.js';
import { shareHandlers } from './compose-handlers.js';
import { findBunServer, findServer, type Place } from './find-server.js';
import { addressOf } from './listening.js';
import type { ISocketIOComponentOptions, ISocketIOServerBaseOptions, TSocketIOServerOptions } from './options.js';
import { newReporter, shareReporter } from './reporter.js';
import type { Report } from './reports.js';
import { checkServeOptions } from './serve-options.js';
import { SocketIOServerHelper } from './server-helper.js';

const OF = 'SocketIOComponent';
const SIGNALS = ['SIGTERM', 'SIGINT'] as const;

/**
 * Runs a `SocketIOServerHelper` with the server of an application: starts once the server exists, and ends with it.
 *
 * Its defaults are those of a server that browsers use: path `/io`, no page of another origin unless named, no compression.
 *
 * @example
 * const app = express();
 * const component = new SocketIOComponent({
 *   authenticateFn: async ({ auth }) => isValid(auth.token),
 *   validateRoomFn: ({ rooms }) => rooms.filter((room) => room.startsWith('public/')),
 *   signals: true,
 * });
 * await component.start(app.listen(3000));
 * component.helper.send({ destination: 'public/news', payload: { topic: 'news', data: 'Hello' } });
 *
 * @example
 * // On Bun, where it builds the engine and serves beside your own `fetch` handler.
 * await component.serve({ port: 3000, fetch: app.fetch });
 */
export class SocketIOComponent<
  ListenEvents extends TEventsMap = TLooseEvents,
  EmitEvents extends TEventsMap = TLooseEvents,
  ServerSideEvents extends TEventsMap = TLooseEvents,
  SocketData = TLooseData,
  UserClaims = TLooseData,
> {
  readonly #options: ResolvedComponentOptions<ListenEvents, EmitEvents, ServerSideEvents, SocketData, UserClaims>;
  readonly #report: Reporter<Report>;
  readonly #handlers = new HandlerRegistry();
  readonly #servers = new Set<IBunServerHandle>();
  #helper: SocketIOServerHelper<ListenEvents, EmitEvents, ServerSideEvents, SocketData, UserClaims> | undefined;
  #source: unknown;
  #starting: Promise<void> | undefined;
  #started = false;
  #stopping: Promise<void> | undefined;

  /**
   * Checks and remembers the options, and does nothing else. Options without effect are reported as `option_ignored`, and
   * times that were probably meant in seconds as `option_unusual`.
   * @throws RoomgateError `invalid_option`, naming the option, the expected and the received value.
   */
  constructor(options: ISocketIOComponentOptions<ListenEvents, EmitEvents, ServerSideEvents, SocketData, UserClaims>) {
    this.#options = resolveComponentOptions(options);
    const { identifier, remarks, rest } = this.#options;
    this.#report = newReporter({ identifier, logger: rest.logger, logLevel: rest.logLevel, onReport: rest.onReport });
    for (const report of remarks) this.#report(report);
  }

  /**
   * The helper, from the moment `start()` has resolved.
   * @throws RoomgateError `not_configured` before that.
   */
  get helper(): SocketIOServerHelper<ListenEvents, EmitEvents, ServerSideEvents, SocketData, UserClaims> {
    return this.#needHelper('helper');
  }

  /**
   * Handles an event of clients, like `handle()` of the helper, at any time: before `start()` too. The handlers stay if `start()` fails.
   * @returns a function that removes the handler.
   * @throws RoomgateError `invalid_argument` for wrong arguments, a reserved topic, and the second handler of a topic.
   * @example component.handle({ topic: 'add', input: z.tuple([z.number(), z.number()]), handler: ({ data: [a, b] }) => a + b });
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
   * Attaches to the server, given here or as the option, which may listen already or later. Resolves once clients are served. A
   * second call is harmless; after a rejection it may be called again.
   *
   * On Bun there is no server to attach to: it makes the engine, which `serveOptions()` uses. A server of `Bun.serve` may be given,
   * so that `stop()` ends it even if no client ever connected.
   * @throws RoomgateError `invalid_option` if it is not a server, with the fix; `invalid_argument` for another server than
   *   before, or if its path is taken; `shut_down` after `stop()`; the errors of the helper's `configure()`; on Bun `unsupported` if
   *   `@socket.io/bun-engine` is not installed.
   */
  async start(server?: TServerSource | IBunServerLike): Promise<void> {
    if (this.#stopping !== undefined) {
      throw new RoomgateError('shut_down', `${OF}.start(): this component was stopped. Create a new one.`);
    }
    if (this.#starting !== undefined && server !== undefined && server !== this.#source) {
      throw new RoomgateError(
        'invalid_argument',
        `${OF}.start(): this component was started with another server. Create one component for each server.`,
      );
    }
    this.#source = server ?? this.#source ?? this.#options.server;
    const place = server === undefined || server === null ? OF : `${OF}.start()`;
    this.#starting ??= this.#start(this.#source, place).catch((error: unknown) => {
      this.#starting = undefined;
      this.#source = undefined;
      throw error;
    });
    return this.#starting;
  }

  /**
   * On Bun, starts it if it was not started, and calls `Bun.serve` with the options of `serveOptions()`. `stop()` ends that server.
   *
   * @example
   * const { url } = await component.serve({ port: 3000, fetch: app.fetch });
   * @throws RoomgateError as `start()` and `serveOptions()` do; and errors of `Bun.serve`, after which it may be called again.
   */
  async serve<T extends object = Record<never, never>>(own?: T & IBunServeOptions): Promise<IBunServerHandle> {
    refuseOnNode(`${OF}.serve()`);
    checkServeOptions('serve', own);
    await this.start();
    const server = bunFor(`${OF}.serve()`).serve(this.serveOptions<object>(own));
    this.#servers.add(server);
    const address = addressOf(server);
    if (address !== undefined) this.#report({ type: 'listening', path: this.#options.path, address });
    return server;
  }

  /**
   * On Bun, the options for `Bun.serve` and `server.reload`: yours, with Socket.IO added. It answers below its path. Other requests
   * go to your `fetch`, `routes` and `websocket`; without a `fetch` the answer is 404.
   *
   * @example
   * const server = Bun.serve(component.serveOptions({ port: 3000, fetch: () => new Response('Hello') }));
   * @example
   * server.reload(component.serveOptions({ fetch: app.fetch })); // one that runs already
   * @throws RoomgateError `not_configured` before `start()` has resolved, `unsupported` on Node.js.
   */
  serveOptions<T extends object = Record<never, never>>(
    own?: T & IBunServeOptions,
  ): Omit<T, 'fetch' | 'websocket'> & IBunHandlers {
    refuseOnNode(`${OF}.serveOptions()`);
    checkServeOptions('serveOptions', own);
    // No option of the program is removed, so the type of the rest holds.
    return this.#needHelper('serveOptions()')
      .getEngine()
      .handler(own ?? {});
  }

  /**
   * Ends it like `shutdown()` of the helper, including the server that it is attached to. Never rejects, and is harmless at any
   * time. While `start()` is running it makes that reject.
   */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async #start(source: unknown, place: Place): Promise<void> {
    this.#heedSignals(true);
    try {
      this.#helper = RuntimeModules.isBun()
        ? await this.#makeOnBun(source, place)
        : await this.#makeOnNode(source, place);
      await this.#helper.configure();
      this.#started = true;
    } catch (error) {
      this.#letGo();
      this.#helper = undefined;
      throw error;
    }
  }

  async #makeOnNode(
    source: unknown,
    place: Place,
  ): Promise<SocketIOServerHelper<ListenEvents, EmitEvents, ServerSideEvents, SocketData, UserClaims>> {
    const server = await findServer(place, source);
    this.#refuseAfterStop();
    return this.#makeHelper((options) => ({ runtime: 'node', server, ...options }));
  }

  async #makeOnBun(
    source: unknown,
    place: Place,
  ): Promise<SocketIOServerHelper<ListenEvents, EmitEvents, ServerSideEvents, SocketData, UserClaims>> {
    const server = await findBunServer(place, source);
    const { makeEngine } = await import('../socketio/bun-engine.js');
    const engine = makeEngine(`${OF}.start()`);
    this.#refuseAfterStop();
    return this.#makeHelper((options) => ({ runtime: 'bun', engine, server, ...options }));
  }

  async #stop(): Promise<void> {
    // Without a helper, a start() that is running notices the stop by itself.
    if (this.#helper !== undefined) {
      await this.#helper.shutdown();
      await this.#starting?.catch(() => {});
    }
    // The helper has stopped the servers that ever had a request. Not awaited: before 1.4 Bun may never resolve the promise.
    for (const server of this.#servers) void server.stop(true);
    this.#letGo();
  }

  #needHelper(
    member: string,
  ): SocketIOServerHelper<ListenEvents, EmitEvents, ServerSideEvents, SocketData, UserClaims> {
    if (this.#helper !== undefined && this.#started) return this.#helper;
    const text =
      this.#starting === undefined ? 'call and await start() first' : 'start() has not resolved yet. Await it first';
    throw new RoomgateError('not_configured', `${OF}.${member}: ${text}.`);
  }

  #letGo(): void {
    this.#heedSignals(false);
  }

  #makeHelper(
    withRuntime: (
      options: ISocketIOServerBaseOptions<ListenEvents, EmitEvents, ServerSideEvents, SocketData, UserClaims>,
    ) => TSocketIOServerOptions<ListenEvents, EmitEvents, ServerSideEvents, SocketData, UserClaims>,
  ): SocketIOServerHelper<ListenEvents, EmitEvents, ServerSideEvents, SocketData, UserClaims> {
    const options = withRuntime(this.#helperOptions());
    shareReporter(options, this.#report);
    shareHandlers(options, this.#handlers);
    ownByComponent(options);
    return new SocketIOServerHelper(options);
  }

  #helperOptions(): ISocketIOServerBaseOptions<ListenEvents, EmitEvents, ServerSideEvents, SocketData, UserClaims> {
    const { path, identifier, serverOptions, rest } = this.#options;
    const cors = this.#options.cors === undefined ? undefined : harmless(this.#options.cors, this.#report);
    const composed: Partial<ServerOptions> = {
      perMessageDeflate: false,
      httpCompression: false,
      ...serverOptions,
      path,
    };
    if (cors !== undefined) composed.cors = { ...cors };
    return { ...rest, identifier, serverOptions: composed };
  }

  /** With `on` and not `once`: under npm, Ctrl-C arrives twice, and the second one must not end the process during `stop()`. */
  #heedSignals(heed: boolean): void {
    if (!this.#options.signals) return;
    for (const signal of SIGNALS) {
      process.removeListener(signal, this.#onSignal);
      if (heed) process.on(signal, this.#onSignal);
    }
  }

  readonly #onSignal = (): void => {
    void this.stop();
  };

  #refuseAfterStop(): void {
    if (this.#stopping === undefined) return;
    throw new RoomgateError('shut_down', `${OF}.start(): stop() was called meanwhile.`);
  }
}
