import { AuthenticationBudget } from '../gate/authentication-budget.js';
import { FailedAuthentications } from '../gate/failed-authentications.js';
import { Gate } from '../gate/gate.js';
import { Renewals } from '../gate/renewal.js';
import type { HandlerRegistry } from '../handlers/registry.js';
import { ClientAddresses } from '../ingress/client-address.js';
import { MessageSizes } from '../ingress/message-sizes.js';
import { PendingConnects } from '../ingress/pending-connects.js';
import { Strangers } from '../ingress/strangers.js';
import { Entry } from '../limits/entry.js';
import type { Fanout } from '../ports/fanout.js';
import type { Reporter } from '../ports/reports.js';
import type { Runtime } from '../ports/runtime.js';
import type { Wire } from '../ports/wire.js';
import type { Rooms } from '../rooms/rooms.js';
import { Deadlines } from '../session/deadlines.js';
import type { Expiries } from '../session/expiry.js';
import { KeepAlive } from '../session/keep-alive.js';
import type { Registry } from '../session/registry.js';
import type { Session } from '../session/session.js';
import type { ClientMessages } from './client-messages.js';
import type { Asked } from './compose-access.js';
import type { Dispatch } from './compose-handlers.js';
import type { UserLimits } from './compose-limits.js';
import { ConnectionPerformer } from './connection-performer.js';
import { Connections } from './connections.js';
import { inboundTable } from './inbound.js';
import { run } from './inbound-rows.js';
import { PacketPerformer } from './packet-performer.js';
import { Performer, type PerformerParts } from './performer.js';
import type { Rechecks } from './rechecks.js';
import type { Report } from './reports.js';
import type { ResolvedOptions } from './resolve-options.js';
import type { RoomPerformer } from './room-performer.js';

/** How the end of access is noticed, and how users are limited. */
export interface Bounds {
  readonly userLimits: UserLimits;
  readonly expiries: Expiries<Session>;
  readonly sweep: () => void;
}

/** How events reach the handlers of `handle()`. */
export interface Dispatching {
  readonly dispatch: Dispatch;
}

export interface InboundParts extends Pick<Asked, 'revoker' | 'fence'>, Bounds, Dispatching {
  readonly runtime: Runtime;
  readonly fanout: Fanout;
  readonly rooms: Rooms;
  readonly roomsDo: RoomPerformer;
  readonly rechecks: Rechecks;
  readonly messages: ClientMessages;
}

export interface InboundOptions {
  readonly options: ResolvedOptions;
  readonly registry: Registry;
  readonly handlers: HandlerRegistry;
  readonly report: Reporter<Report>;
}

/** The parts through which everything that clients send goes. */
export interface Inbound {
  readonly connections: Connections;
  readonly performer: Performer;
  readonly packets: PacketPerformer;
  readonly sizes: MessageSizes | undefined;
  readonly failures: FailedAuthentications | undefined;
}

/** The parts that detect events of a client, the table that decides on them, and the performer that acts. */
export function createInbound(given: InboundOptions, parts: InboundParts): Inbound {
  const { options, registry, handlers, report } = given;
  const { authenticateFn, authenticateTimeout, pingInterval, limits, serverOptions, trustedHops } = options;
  const { runtime, fanout, rooms, roomsDo, rechecks, messages, expiries, sweep, dispatch, revoker, fence } = parts;
  const { penalties, rates } = parts.userLimits;
  // Parts that find an event run its row, which exists at that time.
  const pendingConnects = new PendingConnects((connection) => run(table.limits.tooManyConnects, connection));
  const addresses = new ClientAddresses({ trustedHops, report });
  const strangers = new Strangers({
    runtime,
    addresses,
    most: limits.unauthenticatedConnections,
    mostPerAddress: limits.unauthenticatedPerAddress,
    isOwnParser: serverOptions.parser === undefined,
    giveWay: (...oldest) => run(table.limits.tooManyStrangers, ...oldest),
    report,
  });
  const { payloadBytes } = limits;
  const sizes = Number.isFinite(payloadBytes)
    ? new MessageSizes(payloadBytes, serverOptions.parser === undefined)
    : undefined;
  const gate = new Gate({
    find: (id) => registry.get(id),
    payloadDepth: limits.payloadDepth,
    isOver: (session) => expiries.isOver(session),
    countEvent: rates?.count,
    isTooLarge: sizes?.isTooLarge,
    handles: handlers.has,
    report,
  });
  const packets = new PacketPerformer({
    registry,
    patienceMs: authenticateTimeout,
    overflowed: (session) => run(table.limits.tooManyHeldEvents, session),
    sweep,
    waitMs: (user) => rates?.waitMs(user) ?? 0,
    delay: (connection, ms) => runtime.delay?.(connection, ms),
    handles: handlers.has,
    report,
  });
  const deadlines = new Deadlines(authenticateTimeout, (...late) => run(table.limits.deadlinePassed, ...late));
  const keepAlive = new KeepAlive(pingInterval, messages.pingAll);
  const listen: PerformerParts['listen'] = (socket, isAuthenticated) => {
    connections.listenToSocket(socket, isAuthenticated);
    if (isAuthenticated) dispatch.listen(socket);
  };
  const mostCalls = limits.authenticationsInFlight;
  const addressOf = (wire: Wire): string | undefined => addresses.known(wire);
  const budget = new AuthenticationBudget({ mostCalls, timeoutMs: authenticateTimeout, report });
  const failures = FailedAuthentications.of({ ...options, addressOf, shared: parts.userLimits.failures, report });
  const entry = new Entry({ limits, penalties, countOf: registry.countOf, addressOf, report });
  const base = { options, runtime, registry, deadlines, strangers, listen, report };
  const connectionsDo = new ConnectionPerformer({ ...base, pendingConnects });
  const ofClients = { connectionsDo, expiries, keepAlive, packets, messages, budget, failures };
  const performer = new Performer({ ...base, ...ofClients, fanout, entry, revoker, fence, rechecks });
  const authentication = { authenticateFn, limits, budget, addressOf, failures, report };
  const renewals = new Renewals({ ...authentication, timeoutMs: authenticateTimeout });
  const flows = { authentication, registry, strangers, gate, rooms, renewals };
  const table = inboundTable(flows, { does: performer, connectionsDo, packetsDo: packets, roomsDo });
  const connections = new Connections({ table, registry, pendingConnects, report });
  return { connections, performer, packets, sizes, failures };
}
