import type { Packet } from 'socket.io-parser';
import { deeperThan } from '../common/depth.js';
import type { Reporter } from '../ports/reports.js';
import type { IOSocket } from '../ports/socket.js';
import { isInternalEvent, isSocketIOEvent, SocketIOConstants } from '../protocol/events.js';
import type { Session } from '../session/session.js';
import { PacketType } from '../socketio/packages.js';
import { receivePacket } from '../socketio/socket-io.js';
import type { GateReport } from './reports.js';

export interface GateOptions {
  /** The session of a socket that has not ended. */
  readonly find: (socketId: string) => Session | undefined;
  readonly payloadDepth: number;
  /** How long an event may wait for the program's handlers, in milliseconds. */
  readonly patienceMs: number;
  /** A client whose events wait sent more of them than may be held. */
  readonly overflowed: (session: Session) => void;
  readonly report: Reporter<GateReport>;
}

/** Decides on a packet of a kind, and acts on it. */
export interface PacketHandler {
  /** Whether the packet is delivered now. If not, it was dropped, or is held. */
  readonly flow: (socketId: string, packet: Packet) => boolean;
  readonly perform: (socket: IOSocket, packet: Packet) => void;
}

/** The kinds of packets that a client may send into a namespace that it has joined. Any other is dropped. */
export interface PacketHandlers {
  readonly event: PacketHandler;
  readonly acknowledgement: PacketHandler;
  readonly disconnect: PacketHandler;
}

type Receive = (this: IOSocket, packet: Packet) => void;

/** What takes the place of `_onpacket`. One function for all sockets: a closure for each would be paid for by every idle client. */
export function receiverOf({ event, acknowledgement, disconnect }: PacketHandlers): Receive {
  return function (packet) {
    switch (packet.type) {
      case PacketType.EVENT:
      case PacketType.BINARY_EVENT:
        if (event.flow(this.id, packet)) event.perform(this, packet);
        break;
      case PacketType.ACK:
      case PacketType.BINARY_ACK:
        if (acknowledgement.flow(this.id, packet)) acknowledgement.perform(this, packet);
        break;
      case PacketType.DISCONNECT:
        if (disconnect.flow(this.id, packet)) disconnect.perform(this, packet);
    }
  };
}

/**
 * Decides which packets come in. Before authentication no event but the first `authenticate` reaches any listener, whoever
 * registered it, and nothing is acknowledged.
 */
export class Gate {
  readonly #options: GateOptions;

  constructor(options: GateOptions) {
    this.#options = options;
  }

  /** An answer to what the program asked this very socket, which it may also do before authentication. */
  decideAcknowledgement(id: string, packet: Packet): boolean {
    return this.#options.find(id) !== undefined && this.#isShallow(id, packet);
  }

  decideEvent(id: string, packet: Packet): boolean {
    // Socket.IO's own parser lets neither through; a program may bring another one.
    if (!Array.isArray(packet.data) || isSocketIOEvent(packet.data[0])) return false;
    const session = this.#options.find(id);
    // Roomgate's own words come from servers only.
    if (isInternalEvent(packet.data[0])) {
      this.#options.report({ type: 'event_dropped', client: id, reason: 'reserved' });
      return false;
    }
    if (session?.authenticated) return this.#isShallow(id, packet) && !this.#holds(session, packet);
    const asks = packet.data[0] === SocketIOConstants.EVENT_AUTHENTICATE;
    if (asks && session?.claimAuthenticate() && this.#isShallow(id, packet)) {
      delete packet.id;
      return true;
    }
    if (!asks) this.#options.report({ type: 'event_dropped', client: id, reason: 'unauthenticated' });
    return false;
  }

  /** The program's handlers are there, or took too long: events that were held go to the handlers that are there now. */
  flushEarlyEvents(session: Session): void {
    for (const packet of session.takeEarly()) receivePacket(session.socket, packet);
  }

  /** Until the program's handlers are there an event that has none waits, and every later one behind it. */
  #holds(session: Session, packet: Packet): boolean {
    const { early, socket } = session;
    if (early === undefined || (early.count === 0 && socket.listenerCount(packet.data[0]) > 0)) return false;
    if (!early.add(packet)) {
      this.#options.overflowed(session);
      return true;
    }
    early.expire(() => this.#flushLate(session), this.#options.patienceMs);
    return true;
  }

  #flushLate(session: Session): void {
    const { patienceMs, report } = this.#options;
    report({
      type: 'client_connected_fn_slow',
      client: session.id,
      events: session.early?.count ?? 0,
      afterMs: patienceMs,
    });
    this.flushEarlyEvents(session);
  }

  #isShallow(id: string, packet: Packet): boolean {
    // The list of arguments is a level that the client did not write.
    if (!deeperThan(packet.data, this.#options.payloadDepth + 1)) return true;
    this.#options.report({ type: 'event_dropped', client: id, reason: 'too_deep' });
    return false;
  }
}
