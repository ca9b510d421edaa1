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
  /** Called with a client that sent more early events than may be held. */
  readonly overflowed: (session: Session) => void;
  readonly report: Reporter<GateReport>;
}

/** Decides on packets of one kind, and acts on them. */
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

/** Receives every packet of a socket, in place of Socket.IO. One function for all sockets, because a closure for each would cost every idle client memory. */
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
 * Decides which packets come in. Before authentication only the first `authenticate` reaches a listener, also one of the
 * program, and nothing is acknowledged.
 */
export class Gate {
  readonly #options: GateOptions;

  constructor(options: GateOptions) {
    this.#options = options;
  }

  /** An answer to an emit of the program to this socket, which is allowed before authentication too. */
  decideAcknowledgement(id: string, packet: Packet): boolean {
    return this.#options.find(id) !== undefined && this.#isShallow(id, packet);
  }

  decideEvent(id: string, packet: Packet): boolean {
    // Socket.IO's own parser passes neither, but the program's parser may.
    if (!Array.isArray(packet.data) || isSocketIOEvent(packet.data[0])) return false;
    const session = this.#options.find(id);
    // Only servers send Roomgate's own events.
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

  /** Delivers held events to the present handlers, once all handlers are registered or that took too long. */
  flushEarlyEvents(session: Session): void {
    for (const packet of session.takeEarly()) receivePacket(session.socket, packet);
  }

  /** Until the program's handlers are registered, an event without a handler waits, and so does every later event. */
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
    // One more level, for the list of arguments.
    if (!deeperThan(packet.data, this.#options.payloadDepth + 1)) return true;
    this.#options.report({ type: 'event_dropped', client: id, reason: 'too_deep' });
    return false;
  }
}
