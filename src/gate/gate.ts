import type { Packet } from 'socket.io-parser';
import { deeperThan } from '../common/depth.js';
import type { Reporter } from '../ports/reports.js';
import type { IOSocket } from '../ports/socket.js';
import { isInternalEvent, isSocketIOEvent, SocketIOConstants } from '../protocol/events.js';
import { MOST_ARGUMENTS } from '../protocol/limits.js';
import type { Session } from '../session/session.js';
import { PacketType } from '../socketio/packages.js';
import type { GateReport } from './reports.js';

export interface GateOptions {
  /** The session of a socket that has not ended. */
  readonly find: (socketId: string) => Session | undefined;
  readonly payloadDepth: number;
  /** Whether the access of this client has expired by now. */
  readonly isOver: (session: Session) => boolean;
  /**
   * Counts an event of a user. Returns for how many milliseconds the user is over a limit; 0 if it is not. Undefined without such a limit.
   */
  readonly countEvent?: ((user: string, client: string, canRefuse: boolean) => number) | undefined;
  /** Whether the packet that is being received is larger than a client may send. Undefined without such a limit. */
  readonly isTooLarge?: (() => boolean) | undefined;
  /** Whether a topic has a handler that needs no listener on the socket. */
  readonly handles?: ((topic: unknown) => boolean) | undefined;
  readonly report: Reporter<GateReport>;
}

/**
 * The verdict on a packet. `authenticate`: it is delivered, and nothing is acknowledged. `hold`: it waits for the program's
 * handlers. `expire`: the access of the client has expired, so it is ended. `delay`: it is delivered, and the client is read more slowly,
 * because its user is over a limit. `refuse`: the same, and it is answered and not delivered. `too_large` and the
 * kinds of `Harm`: it is answered, and not delivered.
 */
export type PacketVerdict =
  | 'deliver'
  | 'authenticate'
  | 'hold'
  | 'drop'
  | 'expire'
  | 'delay'
  | 'refuse'
  | 'too_large'
  | Harm;

/** Why code that passes the arguments of an event on, or is recursive, would fail on it. */
export type Harm = 'too_deep' | 'too_many_arguments';

/** Whether a packet has more arguments than the stack may have to take. The topic of an event is none. */
export function hasManyArguments({ type, data }: Packet): boolean {
  // Nearly always.
  if (!Array.isArray(data) || data.length <= MOST_ARGUMENTS) return false;
  const isEvent = type === PacketType.EVENT || type === PacketType.BINARY_EVENT;
  return data.length > MOST_ARGUMENTS + (isEvent ? 1 : 0);
}

/** Decides on packets of one kind, and acts on the verdicts. */
export interface PacketHandler {
  readonly flow: (socketId: string, packet: Packet) => PacketVerdict;
  readonly perform: (socket: IOSocket, packet: Packet, verdict: PacketVerdict) => void;
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
        event.perform(this, packet, event.flow(this.id, packet));
        break;
      case PacketType.ACK:
      case PacketType.BINARY_ACK:
        acknowledgement.perform(this, packet, acknowledgement.flow(this.id, packet));
        break;
      case PacketType.DISCONNECT:
        disconnect.perform(this, packet, disconnect.flow(this.id, packet));
    }
  };
}

/**
 * Decides which packets come in. Before authentication only the first `authenticate` reaches a listener, including those of the
 * program, and nothing is acknowledged.
 */
export class Gate {
  readonly #options: GateOptions;

  constructor(options: GateOptions) {
    this.#options = options;
  }

  /** An answer to an emit of the program to this socket, which is allowed before authentication too. */
  decideAcknowledgement(id: string, packet: Packet): PacketVerdict {
    const session = this.#options.find(id);
    if (session === undefined || this.#harmIn(id, packet) !== undefined) return 'drop';
    return this.#isOver(session) ? 'expire' : 'deliver';
  }

  decideEvent(id: string, packet: Packet): PacketVerdict {
    // Socket.IO's own parser passes neither, but the program's parser may.
    if (!Array.isArray(packet.data) || isSocketIOEvent(packet.data[0])) return 'drop';
    const session = this.#options.find(id);
    if (session !== undefined && this.#isOver(session)) return 'expire';
    // Only servers send Roomgate's own events.
    if (isInternalEvent(packet.data[0])) {
      session?.early?.countHandled();
      this.#options.report({ type: 'event_dropped', client: id, reason: 'reserved' });
      return 'drop';
    }
    const asks = packet.data[0] === SocketIOConstants.EVENT_AUTHENTICATE;
    if (session?.authenticated) {
      // First, so that what is refused for its size counts too.
      const overMs = this.#countEvent(session, packet);
      if (this.#options.isTooLarge?.()) return this.#refuseLarge(session, packet);
      // A renewal of the credentials. It does not wait for the program's handlers.
      return asks ? this.#decideRenewal(session, packet) : this.#decideOwn(session, packet, overMs > 0);
    }
    // The claim is part of the decision: of two attempts only one can be accepted.
    if (asks && session?.claimAuthenticate() && this.#harmIn(id, packet) === undefined) return 'authenticate';
    if (!asks) this.#options.report({ type: 'event_dropped', client: id, reason: 'unauthenticated' });
    return 'drop';
  }

  /** An event for the program's handlers, a `join` or a `leave`. */
  #decideOwn(session: Session, packet: Packet, isOverLimit: boolean): PacketVerdict {
    const harm = this.#harmIn(session.id, packet);
    const isRefused = isOverLimit && canRefuse(packet);
    if (harm === undefined && !isRefused && mustWait(session, packet, this.#options.handles)) return 'hold';
    session.early?.countHandled();
    // Acknowledgements of the program's own listeners are the program's.
    if (harm !== undefined)
      return canRefuse(packet) && this.#options.handles?.(packet.data[0]) === true ? harm : 'drop';
    if (isRefused) return 'refuse';
    return isOverLimit ? 'delay' : 'deliver';
  }

  #countEvent({ id, identity }: Session, packet: Packet): number {
    const { countEvent } = this.#options;
    if (identity === undefined || countEvent === undefined) return 0;
    return countEvent(identity.user, id, canRefuse(packet));
  }

  #refuseLarge(session: Session, packet: Packet): PacketVerdict {
    session.early?.countHandled();
    this.#options.report({ type: 'event_dropped', client: session.id, reason: 'too_large' });
    return canRefuse(packet) ? 'too_large' : 'drop';
  }

  #decideRenewal(session: Session, packet: Packet): PacketVerdict {
    session.early?.countHandled();
    return this.#harmIn(session.id, packet) === undefined ? 'authenticate' : 'drop';
  }

  #isOver(session: Session): boolean {
    return session.identity?.expiresAt !== undefined && this.#options.isOver(session);
  }

  #harmIn(client: string, packet: Packet): Harm | undefined {
    const isLong = hasManyArguments(packet);
    // One more level, for the list of arguments.
    if (!isLong && !deeperThan(packet.data, this.#options.payloadDepth + 1)) return undefined;
    const reason = isLong ? 'too_many_arguments' : 'too_deep';
    this.#options.report({ type: 'event_dropped', client, reason });
    return reason;
  }
}

/** Whether the client waits for an answer that can say that its event was not handled. Those of `join` and `leave` are about rooms. */
function canRefuse({ id, data }: Packet): boolean {
  return id !== undefined && !WITHOUT_REFUSAL.has(data[0]);
}

const WITHOUT_REFUSAL: ReadonlySet<unknown> = new Set([
  SocketIOConstants.EVENT_AUTHENTICATE,
  SocketIOConstants.EVENT_JOIN,
  SocketIOConstants.EVENT_LEAVE,
]);

/** Until the program's handlers are registered, an event without a handler waits, and so does every later event. */
function mustWait({ early, socket }: Session, packet: Packet, handles: GateOptions['handles']): boolean {
  if (early?.isHolding !== true) return false;
  return early.count > 0 || (socket.listenerCount(packet.data[0]) === 0 && handles?.(packet.data[0]) !== true);
}
