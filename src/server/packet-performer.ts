import type { Packet } from 'socket.io-parser';
import type { Harm, PacketVerdict } from '../gate/gate.js';
import type { Reporter } from '../ports/reports.js';
import type { IOSocket } from '../ports/socket.js';
import type { Wire } from '../ports/wire.js';
import { ANSWER_ERROR_KEY, ANSWER_ERRORS } from '../protocol/errors.js';
import type { EarlyEvents } from '../session/early-events.js';
import type { Registry } from '../session/registry.js';
import type { Session } from '../session/session.js';
import { acknowledge, receivePacket } from '../socketio/socket-io.js';
import type { Report } from './reports.js';

export interface PacketPerformerParts {
  readonly registry: Registry;
  /** How long an event may wait for the program's handlers, in milliseconds. */
  readonly patienceMs: number;
  /** Called with a client that sent more early events than may be held. */
  readonly overflowed: (session: Session) => void;
  /** Ends each client whose access has expired. */
  readonly sweep: () => void;
  /** After how many milliseconds a user that is over a limit may send its next event. */
  readonly waitMs: (user: string) => number;
  /** Reads nothing from a client for that many milliseconds. */
  readonly delay: (connection: Wire, ms: number) => void;
  /** Whether a topic has a handler that needs no listener on the socket. */
  readonly handles: (topic: unknown) => boolean;
  readonly report: Reporter<Report>;
}

/** The answer to an event that is larger than a client may send. */
const TOO_LARGE = { [ANSWER_ERROR_KEY]: { code: 'too_large', message: ANSWER_ERRORS.too_large.text } };

/** The answer to an event that a schema never sees. */
function invalid(code: Harm): object {
  const issues = [{ path: '', code }];
  return { [ANSWER_ERROR_KEY]: { code: 'invalid', message: ANSWER_ERRORS.invalid.text, issues } };
}

/** Acts on verdicts about packets: passes them to Socket.IO, or holds them. */
export class PacketPerformer {
  readonly #parts: PacketPerformerParts;

  /** Topics that the program listens to on the server, where no event of a client arrives. Undefined if there are none. */
  #onServer: Set<string> | undefined;

  constructor(parts: PacketPerformerParts) {
    this.#parts = parts;
  }

  /** The first event of this topic that has no handler on its socket is reported. */
  watch(topic: string): void {
    this.#onServer ??= new Set();
    this.#onServer.add(topic);
  }

  readonly receive = (socket: IOSocket, packet: Packet, verdict: PacketVerdict): void => {
    // The verdict on nearly every packet. The others are handled elsewhere, so that this stays small enough to be inlined.
    if (verdict === 'deliver' && this.#onServer === undefined) receivePacket(socket, packet);
    else this.#actOn(socket, packet, verdict);
  };

  /** Delivers held events once all handlers are registered. */
  flush(session: Session): void {
    this.#deliver(session, session.takeEarly());
  }

  #deliver(session: Session, packets: readonly Packet[]): void {
    const { socket } = session;
    for (const packet of packets) {
      // The program handles each event before the next one, and the access may expire meanwhile.
      this.#parts.sweep();
      if (session.ended) return;
      // Their handlers are called in the next tick, one after another.
      if (session.identity?.expiresAt !== undefined) process.nextTick(this.#parts.sweep);
      this.#reportUnreachable(socket, packet);
      receivePacket(socket, packet);
    }
  }

  #actOn(socket: IOSocket, packet: Packet, verdict: PacketVerdict): void {
    if (verdict === 'deliver') this.#receive(socket, packet);
    else if (verdict === 'delay' || verdict === 'refuse') this.#limit(socket, packet, verdict === 'refuse');
    else if (verdict === 'hold') this.#hold(socket.id, packet);
    else if (verdict === 'too_large') acknowledge(socket, packet, TOO_LARGE);
    else if (verdict === 'too_deep' || verdict === 'too_many_arguments') acknowledge(socket, packet, invalid(verdict));
    else if (verdict === 'expire') this.#parts.sweep();
    else if (verdict === 'authenticate') {
      delete packet.id;
      receivePacket(socket, packet);
    }
  }

  #receive(socket: IOSocket, packet: Packet): void {
    this.#reportUnreachable(socket, packet);
    receivePacket(socket, packet);
  }

  /**
   * The user of the client is over a limit. An event that nobody would answer is delivered all the same, because programs rely on that:
   * nothing more is read until the user may send again.
   */
  #limit(socket: IOSocket, packet: Packet, isRefused: boolean): void {
    const { registry, waitMs, delay } = this.#parts;
    const identity = registry.get(socket.id)?.identity;
    // The program has ended the client in `onReport`.
    if (identity === undefined) return;
    const retryAfter = Math.max(1, waitMs(identity.user));
    if (isRefused && acknowledge(socket, packet, rateLimited(retryAfter))) return;
    this.#receive(socket, packet);
    delay(socket.conn, retryAfter);
  }

  #reportUnreachable(socket: IOSocket, { data }: Packet): void {
    const topics = this.#onServer;
    const topic: unknown = Array.isArray(data) ? data[0] : undefined;
    if (topics === undefined || typeof topic !== 'string') return;
    if (socket.listenerCount(topic) > 0 || this.#parts.handles(topic) || !topics.delete(topic)) return;
    if (topics.size === 0) this.#onServer = undefined;
    this.#parts.report({ type: 'handler_unreachable', topic });
  }

  #hold(id: string, packet: Packet): void {
    const { registry, overflowed, patienceMs } = this.#parts;
    const session = registry.get(id);
    const early = session?.early;
    if (session === undefined || early === undefined) return;
    if (early.add(packet)) early.expire(() => this.#flushLate(session, early), patienceMs);
    else overflowed(session);
  }

  /** Delivers held events to the present handlers, because registering all of them takes too long. */
  #flushLate(session: Session, early: EarlyEvents): void {
    const { patienceMs, report } = this.#parts;
    report({ type: 'client_connected_fn_slow', client: session.id, events: early.count, afterMs: patienceMs });
    this.#deliver(session, early.take());
  }
}

/** The answer to an event that was not handled. `retryAfter`: milliseconds. */
function rateLimited(retryAfter: number): object {
  return { [ANSWER_ERROR_KEY]: { code: 'rate_limited', message: ANSWER_ERRORS.rate_limited.text, retryAfter } };
}
