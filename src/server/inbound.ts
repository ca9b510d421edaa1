import { type AuthenticationRules, type AuthenticationVerdict, decideAuthentication } from '../gate/authentication.js';
import type { Gate } from '../gate/gate.js';
import type { Renewals, RenewalVerdict } from '../gate/renewal.js';
import type { StrangerLimit } from '../ingress/reports.js';
import type { Strangers } from '../ingress/strangers.js';
import type { IOSocket } from '../ports/socket.js';
import type { Wire } from '../ports/wire.js';
import type { JoinVerdict, Rooms, RoomsVerdict } from '../rooms/rooms.js';
import type { Registry } from '../session/registry.js';
import type { Session } from '../session/session.js';
import type { ConnectionPerformer } from './connection-performer.js';
import type { EventRow, PacketRow, Row } from './inbound-rows.js';
import type { PacketPerformer } from './packet-performer.js';
import type { Performer } from './performer.js';
import type { RoomPerformer } from './room-performer.js';

/**
 * Every event that a client can cause, with the flow that decides on it and the performer that acts. Requests before their
 * connection opens, and the bytes of peers that are not authenticated, are handled in `ingress/`.
 *
 *   connection opens ──► joins `/` ──authenticate──► authenticating ──true──► authenticated ──┐
 *           │                │                              │ otherwise                       │
 *           └───────────────deadline────────────────────────┴───► notified, ended ◄─disconnect┘
 *
 * If `authenticateFn` or `clientConnectedFn` fails, the client receives the code `unavailable` and may reconnect.
 *
 * A connection can also end without a row of its own, and always runs `connections.closed` then. The engine ends it: a peer that
 * is gone or silent, a broken request, or a message above `maxHttpBufferSize`. And on Bun, `socketio/bun-socket` ends a WebSocket
 * of which Bun dropped a message. It must stop sending immediately, and it may have no connection yet, so `runtime/bun` reports it.
 */
export interface InboundTable {
  readonly connections: {
    readonly opened: Row<[Wire], 'accept' | 'close'>;
    readonly closed: Row<[Wire], 'forget'>;
    readonly joinedRoot: Row<[IOSocket], 'open' | 'end'>;
    readonly joinedOther: Row<[Wire, string], 'spare'>;
  };
  readonly limits: {
    readonly tooManyConnects: Row<[Wire], 'cut'>;
    readonly tooManyStrangers: Row<[Wire, StrangerLimit], 'end'>;
    readonly deadlinePassed: Row<[Wire, Session | undefined], 'end' | 'refuse'>;
    readonly tooManyHeldEvents: Row<[Session], 'end'>;
    readonly readsTooSlowly: Row<[Wire, number], 'end'>;
    readonly tooManyMessages: Row<[Wire], 'end'>;
  };
  readonly packets: {
    readonly event: PacketRow;
    readonly acknowledgement: PacketRow;
    readonly disconnect: PacketRow;
  };
  readonly events: {
    readonly disconnect: EventRow<string>;
    readonly authenticate: EventRow<AuthenticationVerdict>;
    readonly join: EventRow<JoinVerdict>;
    readonly leave: EventRow<RoomsVerdict>;
  };
  readonly renewals: {
    readonly authenticate: EventRow<RenewalVerdict>;
  };
}

export interface Flows {
  readonly authentication: AuthenticationRules;
  readonly registry: Registry;
  readonly strangers: Strangers;
  readonly gate: Gate;
  readonly rooms: Rooms;
  readonly renewals: Renewals;
}

export interface Performers {
  readonly does: Performer;
  readonly connectionsDo: ConnectionPerformer;
  readonly packetsDo: PacketPerformer;
  readonly roomsDo: RoomPerformer;
}

export function inboundTable(flows: Flows, performers: Performers): InboundTable {
  const { does, packetsDo, roomsDo } = performers;
  return {
    connections: connectionRows(flows, performers),
    limits: limitRows(performers),
    packets: packetRows(flows, packetsDo),
    events: eventRows(flows, does, roomsDo),
    renewals: renewalRows(flows, does),
  };
}

function connectionRows(
  { registry }: Flows,
  { does, connectionsDo }: Pick<Performers, 'does' | 'connectionsDo'>,
): InboundTable['connections'] {
  return {
    // A connection of the engine opens. From now on it has a deadline.
    opened: { allowed: 'always', flow: () => (registry.isClosed ? 'close' : 'accept'), perform: connectionsDo.open },
    closed: { allowed: 'always', flow: always('forget'), perform: does.closeConnection },
    // Socket.IO has accepted a CONNECT of `/` and made a socket. A connection may have one socket of `/` at a time.
    joinedRoot: {
      allowed: 'before authentication',
      flow: ({ conn }) => (registry.isClosed || registry.of(conn)?.ended === false ? 'end' : 'open'),
      perform: connectionsDo.openSession,
    },
    // Socket.IO has accepted a CONNECT of another namespace, which the program guards itself.
    joinedOther: { allowed: 'always', flow: always('spare'), perform: connectionsDo.spare },
  };
}

/** A client exceeded a limit or a deadline. The class that counts runs the row. */
function limitRows({ does, connectionsDo }: Pick<Performers, 'does' | 'connectionsDo'>): InboundTable['limits'] {
  return {
    // Pending CONNECT packets: `ingress/pending-connects`.
    tooManyConnects: { allowed: 'always', flow: always('cut'), perform: connectionsDo.cut },
    // Connections that are not authenticated: `ingress/strangers`. The row runs for the oldest one.
    tooManyStrangers: { allowed: 'before authentication', flow: always('end'), perform: connectionsDo.endStranger },
    // Time to authenticate: `session/deadlines`.
    deadlinePassed: {
      allowed: 'before authentication',
      flow: (_, session) => (session === undefined ? 'end' : 'refuse'),
      perform: does.endLate,
    },
    // Events held until the program's handlers are registered: `session/early-events`.
    tooManyHeldEvents: { allowed: 'after authentication', flow: always('end'), perform: does.endOverLimit },
    // Messages per second, for longer than `delayedFor`: `socketio/paced-input`.
    tooManyMessages: { allowed: 'always', flow: always('end'), perform: does.endOverRate },
    // Unread bytes: `fanout/backlogs`.
    readsTooSlowly: { allowed: 'always', flow: always('end'), perform: connectionsDo.endSlowReader },
  };
}

/** Packets of a socket of `/`, before any listener or middleware sees them. Any other kind is dropped. */
function packetRows({ gate }: Flows, packetsDo: PacketPerformer): InboundTable['packets'] {
  return {
    // Before authentication only the first `authenticate` is delivered. After it an event is held while handlers are missing.
    event: {
      allowed: 'after authentication',
      flow: (id, packet) => gate.decideEvent(id, packet),
      perform: packetsDo.receive,
    },
    // The answer to an emit of the program to this socket.
    acknowledgement: {
      allowed: 'always',
      flow: (id, packet) => gate.decideAcknowledgement(id, packet),
      perform: packetsDo.receive,
    },
    disconnect: { allowed: 'always', flow: always('deliver'), perform: packetsDo.receive },
  };
}

/** Events by the names of Roomgate's own listeners. All others go from the gate to the program's handlers. */
function eventRows(
  { authentication, strangers, rooms }: Flows,
  does: Performer,
  roomsDo: RoomPerformer,
): InboundTable['events'] {
  return {
    // The socket left, or its connection is gone.
    disconnect: { allowed: 'always', where: 'disconnect', flow: (_, reason) => String(reason), perform: [does.forget] },
    authenticate: {
      allowed: 'before authentication',
      where: 'admission',
      begin: does.beginAuthentication,
      flow: ({ id: client, socket: { handshake, conn } }) =>
        decideAuthentication(
          { client, wire: conn, handshake, isAuthStripped: strangers.isStripped(conn), mayWait: true },
          authentication,
        ),
      perform: [does.admitOrRefuse, does.welcome],
      failed: does.failAdmission,
    },
    join: {
      allowed: 'after authentication',
      where: 'join',
      flow: (session, payload) => rooms.decideJoin(session, payload),
      perform: [roomsDo.join, roomsDo.answerJoin],
    },
    leave: {
      allowed: 'after authentication',
      where: 'leave',
      flow: (session, payload) => rooms.decideLeave(session, payload),
      perform: [roomsDo.leave, roomsDo.answerLeave],
    },
  };
}

/** `authenticate` of a client that is authenticated: new credentials, before its access expires. */
function renewalRows({ renewals }: Flows, does: Performer): InboundTable['renewals'] {
  return {
    authenticate: {
      allowed: 'after authentication',
      where: 'renewal',
      flow: (session, payload) => renewals.decide(session, payload),
      perform: [(session, verdict) => does.access.renew(session, verdict)],
    },
  };
}

/** The flow of an event that always has the same verdict. */
function always<const Verdict>(verdict: Verdict): () => Verdict {
  return () => verdict;
}
