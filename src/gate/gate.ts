import type { Packet } from 'socket.io-parser';
import { deeperThan } from '../common/depth.js';
import type { Reporter } from '../ports/reports.js';
import type { IOSocket } from '../ports/socket.js';
import { isInternalEvent, isSocketIOEvent, SocketIOConstants } from '../protocol/events.js';
import type { Session } from '../session/session.js';
import { PacketType } from '../socketio/packages.js';
import { interceptPackets, receivePacket } from '../socketio/socket-io.js';
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

/**
 * The way in. Before authentication no event but the first `authenticate` reaches any listener, whoever registered it,
 * and nothing is acknowledged.
 */
export class Gate {
  readonly #options: GateOptions;
  readonly #receive: (this: IOSocket, packet: Packet) => void;

  constructor(options: GateOptions) {
    this.#options = options;
    const passes = (id: string, packet: Packet) => this.#passes(id, packet);
    // One function for all sockets: a closure for each would be paid for by every idle client.
    this.#receive = function (packet) {
      if (passes(this.id, packet)) receivePacket(this, packet);
    };
  }

  /** Stands before this socket from here on. */
  guard(socket: IOSocket): void {
    interceptPackets(socket, this.#receive);
  }

  #passes(id: string, packet: Packet): boolean {
    switch (packet.type) {
      case PacketType.DISCONNECT:
        return true;
      case PacketType.EVENT:
      case PacketType.BINARY_EVENT:
        return this.#passesEvent(id, packet);
      // An answer to what the program deliberately asked this very socket.
      case PacketType.ACK:
      case PacketType.BINARY_ACK:
        return this.#options.find(id) !== undefined && this.#isShallow(id, packet);
      default:
        return false;
    }
  }

  #passesEvent(id: string, packet: Packet): boolean {
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

  /** The program's handlers are there, or were waited for long enough: what came before goes to whoever listens now. */
  flushEarlyEvents(session: Session): void {
    const packets = session.early?.take() ?? [];
    session.early = undefined;
    for (const packet of packets) receivePacket(session.socket, packet);
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
