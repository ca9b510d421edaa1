import { callSafely } from '../common/sink.js';
import { Membership } from '../gate/membership.js';
import type { RenewalVerdict } from '../gate/renewal.js';
import type { Revoker } from '../gate/revoker.js';
import type { Fanout } from '../ports/fanout.js';
import type { KnownIdentity } from '../ports/identity.js';
import type { Reporter } from '../ports/reports.js';
import type { Runtime } from '../ports/runtime.js';
import { isTemporary } from '../protocol/errors.js';
import type { Expiries } from '../session/expiry.js';
import type { Session } from '../session/session.js';
import { OutgoingPackets } from '../socketio/outgoing-packets.js';
import { type ClientMessages, type Ending, endingByProgram, endingOf } from './client-messages.js';
import type { Rechecks } from './rechecks.js';
import type { Report } from './reports.js';

/**
 * Milliseconds that a client has to read why its access ended, counted from the end. With the delays of timers on a busy instance it
 * is closed within 100 ms.
 */
const LONGEST_GRACE_MS = 50;
const SHORTEST_GRACE_MS = 10;

/** The same for other ends, which have no such bound: HTTP long polling takes two requests to hear of it. */
const GRACE_MS = 1_000;

export interface AccessParts {
  readonly runtime: Runtime;
  readonly fanout: Fanout;
  readonly expiries: Expiries<Session>;
  readonly rechecks: Pick<Rechecks, 'of'>;
  readonly revoker: Pick<Revoker, 'denies'>;
  readonly messages: ClientMessages;
  readonly report: Reporter<Report>;
}

/** The access of authenticated clients: how long it lasts, and its end, after which nothing reaches the client anymore. */
export class Access {
  readonly #parts: AccessParts;
  readonly #outgoing: OutgoingPackets;
  readonly #ended: (session: Session) => void;

  /** `ended` is called with each session that was put out, before its client is told. */
  constructor(parts: AccessParts, ended: (session: Session) => void) {
    const { expiries } = parts;
    this.#parts = parts;
    this.#ended = ended;
    this.#outgoing = new OutgoingPackets(() => expiries.sweep());
  }

  /** The client is known by this identity from now on. `askedAt`: when the program was asked, by `performance.now()`. */
  grant(session: Session, identity: KnownIdentity, askedAt: number): void {
    const { expiresAt } = identity;
    session.identify(identity, askedAt);
    if (expiresAt === undefined) this.#parts.expiries.remove(session);
    else {
      this.#outgoing.watch(session.socket);
      this.#parts.expiries.add(session, expiresAt);
    }
  }

  /** Acts on the verdict on new credentials. Asynchronous if the guard is asked about the rooms of the client again. */
  readonly renew = (session: Session, verdict: RenewalVerdict): Promise<void> | void => {
    const { messages, expiries } = this.#parts;
    if (verdict.does === 'nothing') return;
    // The old access may have expired while the program decided.
    expiries.sweep();
    if (session.ended) return;
    if (verdict.does === 'later') messages.renewLater(session, verdict.after);
    else if (verdict.does === 'end') {
      this.putOut(session, verdict.code === 'by_program' ? endingByProgram(verdict.refusal) : endingOf(verdict.code));
    } else return this.#prolong(session, verdict);
  };

  #prolong(
    session: Session,
    { identity, askedAt, isChanged }: Extract<RenewalVerdict, { readonly does: 'renew' }>,
  ): Promise<void> | void {
    const { messages, rechecks, revoker } = this.#parts;
    // The access was withdrawn while the program decided, for credentials like the new ones.
    if (revoker.denies({ client: session.id, identity, beganAt: askedAt }))
      return this.putOut(session, endingOf('revoked'));
    this.grant(session, identity, askedAt);
    messages.renewed(session);
    if (isChanged && !session.ended) return rechecks.of(session).then(() => {});
  }

  /** The time of a client is over. */
  readonly expire = (session: Session): void => {
    const lateMs = Date.now() - (session.identity?.expiresAt ?? 0);
    // An instance that noticed the end a little late still closes the connection in time. One that was blocked can't.
    const isBlocked = lateMs > LONGEST_GRACE_MS;
    const graceMs = isBlocked ? LONGEST_GRACE_MS : Math.max(SHORTEST_GRACE_MS, LONGEST_GRACE_MS - Math.max(0, lateMs));
    this.putOut(session, endingOf('expired'), graceMs);
  };

  /**
   * Ends the access of a client now: nothing that this process holds for it is sent anymore. It is told why if it has read everything
   * before; otherwise its connection is destroyed. Never throws. Does nothing if the session has ended.
   */
  putOut(session: Session, ending: Ending, graceMs = GRACE_MS): void {
    const { fanout, runtime, messages } = this.#parts;
    const { socket } = session;
    const { conn } = socket;
    // First, because code of the program may run in each later step.
    if (!session.end()) return;
    this.#outgoing.bar(socket);
    this.#safely(session, 'a listener of the adapter', () => Membership.of(socket.nsp.adapter)?.dismiss(session.id));
    if (fanout.discard(conn) === 'unread') runtime.abandon(conn);
    this.#ended(session);
    // Nothing is sent if the connection was destroyed.
    messages.unauthenticated(session, ending);
    // Socket.IO's client does not reconnect automatically after a disconnect.
    if (ending.retry !== true && !isTemporary(ending.code))
      this.#safely(session, 'a "disconnect" listener', () => socket.disconnect());
    runtime.end(conn, graceMs);
  }

  #safely({ id }: Session, where: string, act: () => unknown): void {
    callSafely(act, (error) => this.#parts.report({ type: 'handler_failed', where, client: id, error }));
  }
}
