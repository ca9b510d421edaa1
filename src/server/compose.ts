import type { MemoryNetwork } from '../backplane/memory/memory-network.js';
import { Outbound } from '../fanout/outbound.js';
import { keysOf } from '../fanout/replaceable.js';
import type { FailedAuthentications } from '../gate/failed-authentications.js';
import { assertGateHolds } from '../gate/gate-probe.js';
import { guardedAdapter, guardLaterAdapters } from '../gate/guarded-adapter.js';
import { guardPages } from '../gate/origin-guard.js';
import type { HandlerRegistry } from '../handlers/registry.js';
import type { Explained } from '../limits/explainer.js';
import { type Facts, NO_FACTS } from '../limits/explanation.js';
import type { Backplane } from '../ports/backplane.js';
import type { Fanout } from '../ports/fanout.js';
import type { Reporter } from '../ports/reports.js';
import type { Attached, GuardOrigins, Runtime } from '../ports/runtime.js';
import type { IOServer } from '../ports/socket.js';
import type { WireSource } from '../ports/wire.js';
import { isSocketId } from '../protocol/socket-ids.js';
import { Guard } from '../rooms/guard.js';
import { IdOwners } from '../rooms/id-owners.js';
import { Recheck } from '../rooms/recheck.js';
import type { RevalidationOptions } from '../rooms/revalidation.js';
import { Rooms } from '../rooms/rooms.js';
import { Expiries } from '../session/expiry.js';
import type { Registry } from '../session/registry.js';
import type { Session } from '../session/session.js';
import { newSocketId } from '../session/socket-id.js';
import { containsAsExpected } from '../socketio/containment-probe.js';
import { connectionIdOf } from '../socketio/engine-transport.js';
import { makeSocketIds } from '../socketio/socket-io.js';
import { ClientMessages } from './client-messages.js';
import { type Asked, attachAccess, claimTopics } from './compose-access.js';
import { adapterFactory, createBackplane } from './compose-backplane.js';
import { composeHandlers } from './compose-handlers.js';
import { type Bounds, createInbound, type Dispatching, type InboundParts } from './compose-inbound.js';
import { createUserLimits, type UserLimits } from './compose-limits.js';
import { createPlatform, type Platform, type PlatformParts } from './compose-platform.js';
import type { Connections } from './connections.js';
import { factsOf } from './explain-facts.js';
import type { PacketPerformer } from './packet-performer.js';
import type { Performer } from './performer.js';
import { Rechecks } from './rechecks.js';
import type { Report } from './reports.js';
import type { ResolvedOptions } from './resolve-options.js';
import { RoomPerformer } from './room-performer.js';

/** The parts that exist from `configure()` to `shutdown()`. */
export interface Instance extends Omit<Asked, 'search'> {
  readonly io: IOServer;
  readonly runtime: Runtime;
  readonly backplane: Backplane;
  readonly fanout: Fanout;
  readonly connections: Connections;
  readonly performer: Performer;
  readonly packets: PacketPerformer;
  readonly failures: FailedAuthentications | undefined;
  readonly outbound: Outbound;
  readonly userLimits: UserLimits;
  readonly rechecks: Rechecks;
  readonly roomsDo: RoomPerformer;
}

/** The default of `serverOptions.maxHttpBufferSize`, of engine.io. */
const DEFAULT_MESSAGE_BYTES = 1_000_000;

export interface ComposeOptions {
  readonly options: ResolvedOptions;
  readonly registry: Registry;
  readonly handlers: HandlerRegistry;
  /** The network that instances of this process share; undefined for an instance that stands alone. */
  readonly sharedNetwork: MemoryNetwork | undefined;
  readonly report: Reporter<Report>;
  /** Called with the backplane that is being opened, so that it can be closed meanwhile; with undefined once it is open. */
  readonly opening: (backplane: Backplane | undefined) => void;
  /** Throws if `shutdown()` was called meanwhile. */
  readonly assertWanted: () => void;
}

/**
 * Creates the parts of an instance and connects them. The only place that knows them all: a new part is created here, and no
 * part creates another one of its own layer.
 */
export async function compose(given: ComposeOptions): Promise<Instance> {
  const { options, registry, report, opening, assertWanted } = given;
  let instance: Instance | undefined;
  const expiries = new Expiries<Session>((session) => instance?.performer.access.expire(session));
  /** Ends the clients whose access is over. Called before each use of it. */
  const sweep = (): void => {
    expiries.sweep();
    instance?.roomsDo.sweep();
    instance?.fence?.check();
  };
  const platformParts: PlatformParts = {
    tooSlow: (wire, waitingBytes) => instance?.connections.readsTooSlowly(wire, waitingBytes),
    tooFast: (wire) => instance?.connections.sendsTooFast(wire),
    tooLarge: (wire, answer) => {
      const maxBytes = options.serverOptions.maxHttpBufferSize ?? DEFAULT_MESSAGE_BYTES;
      report({ type: 'message_too_large', client: registry.of(wire)?.id ?? connectionIdOf(wire), maxBytes, answer });
    },
    sweep,
    report,
  };
  const platform = await createPlatform(options, platformParts);
  const backplane = await createBackplane(options, given.sharedNetwork, report);
  assertWanted();
  opening(backplane);
  const recheck: RevalidationOptions['recheck'] = async (which) => (await instance?.rechecks.matching(which)) ?? 0;
  const facts = (which: Explained): Facts =>
    instance === undefined ? NO_FACTS : factsOf({ options, registry, ...instance }, which);
  const asked = claimTopics(backplane, { options, registry, recheck, facts, report });
  try {
    await backplane.open(options.redisTimeout);
    const [isContained] = await Promise.all([containsAsExpected(), assertGateHolds()]);
    const userLimits = await createUserLimits({ options, backplane, report });
    assertWanted();
    instance = connectParts(given, platform, backplane, { ...asked, expiries, sweep, userLimits, isContained });
    return instance;
  } catch (error) {
    platform.runtime.detach?.();
    await backplane.close(options.shutdownTimeout);
    throw error;
  } finally {
    opening(undefined);
  }
}

/** Whether sockets call handlers in the way that `Containment` expects. */
interface Contained {
  readonly isContained: boolean;
}

/** Connects the parts in one tick, so that no client can connect before they are complete. */
function connectParts(
  { options, registry, handlers, report }: ComposeOptions,
  platform: Platform,
  backplane: Backplane,
  { search, expiries, sweep, userLimits, isContained, ...asked }: Asked & Bounds & Contained,
): Instance {
  const { runtime, fanout } = platform;
  const { validateRoomFn, guardTimeout, onFailure } = options;
  const { joinsInFlight } = options.limits;
  const hasSocket = (id: string): boolean => registry.has(id);
  const messages = new ClientMessages(options.authenticateTimeout, report);
  const roomsDo = new RoomPerformer(messages, report);
  const dispatch = composeHandlers({ options, registry, handlers, sweep, runtime, report }, isContained);
  const { io, engine } = createServer({ options, registry, report }, platform, backplane, { sweep, dispatch });
  const owners = new IdOwners({ io, instances: backplane.instances, search, hasSocket });
  const findSockets: IdOwners['find'] = (names, timeoutMs) => owners.find(names, timeoutMs);
  const guard =
    validateRoomFn === undefined ? undefined : new Guard({ validateRoomFn, guardTimeout, joinsInFlight, report });
  const rooms = new Rooms({ ...options, guard, hasSocket, findSockets, report, isBarred: asked.revoker.isBarred });
  const rechecks = new Rechecks(new Recheck({ guard, onFailure: onFailure.guard }), registry, roomsDo);
  const parts: InboundParts = {
    runtime,
    fanout,
    rooms,
    roomsDo,
    rechecks,
    messages,
    expiries,
    sweep,
    userLimits,
    dispatch,
    ...asked,
  };
  const inbound = createInbound({ options, registry, handlers, report }, parts);
  attachAccess(asked, inbound.performer, roomsDo);
  inbound.connections.attach(io, engine);
  inbound.sizes?.attach(engine);
  const outbound = new Outbound(io, report, options.serverOptions.parser !== undefined);
  return { io, runtime, backplane, fanout, ...inbound, outbound, ...asked, userLimits, rechecks, roomsDo };
}

/** Socket.IO's server, with its adapter guarded and served by the fan-out, and its engine. */
function createServer(
  { options, registry, report }: Pick<ComposeOptions, 'options' | 'registry' | 'report'>,
  { fanout, attach }: Platform,
  backplane: Backplane,
  { sweep, dispatch: { containment } }: Pick<Bounds, 'sweep'> & Dispatching,
): Attached<WireSource> {
  const left = (id: string, room: string): void => registry.get(id)?.left(room);
  const withheld = (id: string): ReadonlySet<string> | undefined => registry.get(id)?.withheld;
  const findClients = registry.findClients;
  const parts = { fanout, report, keyOf: keysOf(options.replaceable, report), left, withheld, findClients, sweep };
  const adapter = guardedAdapter(adapterFactory(options, backplane, report), parts);
  const guardOrigins: GuardOrigins = (cors) => guardPages(cors, { option: options.corsOption, report });
  const attached = attach({ ...options.serverOptions, adapter }, guardOrigins);
  const { io } = attached;
  guardLaterAdapters(io, parts);
  registry.onClientRoom((event, room) => io.sockets.adapter.emit(event, room));
  // A client of protocol 3 uses the id of its connection as that of its socket. It has our form already.
  makeSocketIds(io.sockets, ({ id }) => (isSocketId(id) ? id : newSocketId()), containment?.Socket);
  containment?.guard(io.sockets);
  containment?.guardOthers(io);
  return attached;
}
