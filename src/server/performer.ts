import type { KnownRefusal } from '../common/refusals.js';
import { callSafely } from '../common/sink.js';
import type { AuthenticationVerdict } from '../gate/authentication.js';
import type { AuthenticationBudget } from '../gate/authentication-budget.js';
import type { FailedAuthentications } from '../gate/failed-authentications.js';
import type { Fence } from '../gate/fence.js';
import { Membership } from '../gate/membership.js';
import type { Revoker } from '../gate/revoker.js';
import type { Strangers } from '../ingress/strangers.js';
import type { Entry } from '../limits/entry.js';
import type { Fanout } from '../ports/fanout.js';
import type { KnownIdentity } from '../ports/identity.js';
import type { Reporter } from '../ports/reports.js';
import type { Runtime } from '../ports/runtime.js';
import type { IOSocket } from '../ports/socket.js';
import type { Wire } from '../ports/wire.js';
import { SocketIOClientStates } from '../protocol/states.js';
import type { Deadlines } from '../session/deadlines.js';
import type { Expiries } from '../session/expiry.js';
import type { KeepAlive } from '../session/keep-alive.js';
import type { Registry } from '../session/registry.js';
import type { Session } from '../session/session.js';
import { connectionIdOf } from '../socketio/engine-transport.js';
import { Access } from './access.js';
import { type ClientMessages, COME_BACK_AFTER_MS, type Ending, endingByProgram, endingOf } from './client-messages.js';
import { ConnectedFunction } from './connected-function.js';
import type { ConnectionPerformer } from './connection-performer.js';
import type { PacketPerformer } from './packet-performer.js';
import type { Rechecks } from './rechecks.js';
import { END_REASONS, type Report } from './reports.js';
import type { ResolvedBaseOptions } from './resolve-options.js';

/** All clients that are sent back come back within this time. */
const COME_BACK_WITHIN_MS = 10_000;

export interface PerformerParts {
  readonly options: ResolvedBaseOptions;
  readonly runtime: Runtime;
  readonly fanout: Fanout;
  readonly registry: Registry;
  readonly expiries: Expiries<Session>;
  readonly deadlines: Deadlines;
  readonly connectionsDo: ConnectionPerformer;
  readonly keepAlive: KeepAlive;
  readonly strangers: Strangers;
  readonly packets: PacketPerformer;
  readonly revoker: Revoker;
  readonly entry: Entry;
  readonly fence: Fence | undefined;
  readonly messages: ClientMessages;
  readonly budget: AuthenticationBudget;
  readonly failures: FailedAuthentications | undefined;
  readonly rechecks: Pick<Rechecks, 'of'>;
  /** Listens to the events of a client: those that it may send before authentication, or the others. */
  readonly listen: (socket: IOSocket, isAuthenticated: boolean) => void;
  readonly report: Reporter<Report>;
}

/**
 * Acts on the verdicts of the inbound table about clients. Only this class, its `Access` and `RoomPerformer` add a socket to rooms or end
 * it. `ConnectionPerformer` acts on connections, `ClientMessages` sends to one socket, and `PacketPerformer` passes packets to Socket.IO.
 */
export class Performer {
  readonly #parts: PerformerParts;
  readonly #report: Reporter<Report>;
  readonly #messages: ClientMessages;
  readonly #connectedFunction: ConnectedFunction;
  readonly access: Access;

  constructor(parts: PerformerParts) {
    this.#parts = parts;
    this.#report = parts.report;
    this.#messages = parts.messages;
    const failed = (session: Session, handled: number): void =>
      this.#sendAway(session, END_REASONS.connectedFnFailed, unavailable({ handled }));
    const { runtime, packets, report } = parts;
    const { clientConnectedFn, onFailure } = parts.options;
    this.access = new Access(parts, (session) => {
      this.#clear(session, END_REASONS.putOut);
      this.#parts.deadlines.stop(session.socket.conn);
    });
    this.#connectedFunction = new ConnectedFunction({ clientConnectedFn, onFailure, runtime, packets, failed, report });
  }

  readonly closeConnection = (connection: Wire): void => {
    const { registry, connectionsDo } = this.#parts;
    // If the program removed all listeners of a socket, ours of `disconnect` is gone too, so the session is ended here.
    const session = registry.of(connection);
    if (session !== undefined) this.#forget(session, 'the connection was closed');
    connectionsDo.remove(connection);
  };

  readonly endLate = (connection: Wire, session: Session | undefined): void => {
    if (session === undefined) this.#parts.connectionsDo.endUnjoined(connection);
    else this.#endUnauthenticated(session);
  };

  #endUnauthenticated(session: Session): void {
    if (session.state === SocketIOClientStates.AUTHENTICATING) {
      const { budget, failures, options } = this.#parts;
      const { id } = session;
      if (failures?.hasDelayed(id) === true) {
        this.#sendLimited(session, COME_BACK_AFTER_MS);
        return;
      }
      const cause = budget.causeOfDelay(id);
      if (cause === 'limit') this.#report({ type: 'limit_reached', client: id, limit: 'authentications_in_flight' });
      if (cause !== undefined) {
        this.#sendUnchecked(session);
        return;
      }
      this.#report({ type: 'authenticate_fn_unanswered', client: id, afterMs: options.authenticateTimeout });
    }
    this.#end(session, END_REASONS.late, endingOf('timeout'));
  }

  // Authentication

  /** Returns false if authentication was begun before, or if the session has ended. */
  readonly beginAuthentication = (session: Session): boolean => {
    if (!session.moveTo(SocketIOClientStates.AUTHENTICATING)) return false;
    this.#parts.strangers.ask(session.socket.conn);
    return true;
  };

  /** Asynchronous only if the adapter adds a member asynchronously. */
  readonly admitOrRefuse = (session: Session, verdict: AuthenticationVerdict): Promise<void> | void => {
    if (verdict.accepted) {
      if (verdict.identity === undefined) return this.#isTaken(session, undefined) ? this.#admit(session) : undefined;
      const { identity, askedAt } = verdict;
      if (this.#parts.fence?.isUp === true) return this.sendBack(session);
      if (this.#parts.revoker.denies({ client: session.id, identity, beganAt: askedAt }))
        this.revoke(session, undefined);
      else if (this.#isTaken(session, identity)) return this.#admitAs(session, identity, askedAt);
    } else if (verdict.code === 'unavailable') this.#sendUnchecked(session);
    else if (verdict.code === 'rate_limited') this.#sendLimited(session, verdict.after);
    else if (verdict.code === 'by_program') this.#refuse(session, verdict.refusal);
    else this.#end(session, END_REASONS.refused, endingOf(verdict.code));
  };

  readonly failAdmission = (session: Session): void => {
    this.#sendAway(session, END_REASONS.notChecked, unavailable());
  };

  /** The check of this client failed, or there was none. */
  #sendUnchecked(session: Session): void {
    this.#sendAway(session, END_REASONS.notChecked, unavailable({ after: this.#parts.budget.comeBackAfter() }));
  }

  /** Too many attempts failed before that of this client. */
  #sendLimited(session: Session, after: number): void {
    this.#report({ type: 'limit_reached', client: session.id, limit: 'failed_authentications' });
    this.#sendAway(session, END_REASONS.limited, endingOf('rate_limited', { retry: true, after }));
  }

  readonly welcome = (session: Session): void => {
    const { listen, keepAlive } = this.#parts;
    listen(session.socket, true);
    keepAlive.start(session);
    this.#messages.authenticated(session);
    // `onReport`, or a listener of the program to what is sent, may have disconnected the client just now.
    if (!session.ended) void this.#connectedFunction.call(session);
  };

  /** The program's own refusal. A client that may try again is told as if the server could not serve it. */
  #refuse(session: Session, refusal: KnownRefusal): void {
    const ending = endingByProgram(refusal);
    if (refusal.retry) this.#sendAway(session, END_REASONS.refused, ending);
    else this.#end(session, END_REASONS.refused, ending);
  }

  /** Returns false if a limit keeps the client out for now: it was told when it may come back. Admit it in the same tick. */
  #isTaken(session: Session, identity: KnownIdentity | undefined): boolean {
    const refusal = this.#parts.entry.refuse(session, identity);
    if (refusal === undefined) return true;
    const { code, after } = refusal;
    this.#sendAway(session, END_REASONS.limited, endingOf(code, { retry: true, after }));
    return false;
  }

  /** Before anything of the program runs for this client. */
  #admitAs(session: Session, identity: KnownIdentity, askedAt: number): Promise<void> | void {
    this.access.grant(session, identity, askedAt);
    return this.#admit(session);
  }

  #admit(session: Session): Promise<void> | void {
    const { deadlines, strangers, options, registry } = this.#parts;
    const { id, socket } = session;
    if (!session.moveTo(SocketIOClientStates.AUTHENTICATED)) return;
    deadlines.meet(session);
    strangers.admit(socket.conn);
    // From now on events pass the gate, and the program has not registered its handlers yet.
    if (options.clientConnectedFn !== undefined) session.holdEarly(options.limits);
    this.#messages.ping(session);
    registry.know(session);
    return Membership.of(socket.nsp.adapter)?.admit(id, options.defaultRooms);
  }

  // Ends of a session

  /** The client left, or its connection is gone. */
  readonly forget = (session: Session, reason: string): void => {
    this.#forget(session, reason);
  };

  /** Ends a session. Returns false if it had ended before. */
  #forget(session: Session, reason: string): boolean {
    if (!session.end()) return false;
    this.#clear(session, reason);
    return true;
  }

  /** Removes a session that has ended. */
  #clear(session: Session, reason: string): void {
    const { connectionsDo, registry, keepAlive, budget, failures, expiries } = this.#parts;
    budget.giveUp(session.id);
    failures?.giveUp(session.id);
    expiries.remove(session);
    connectionsDo.leaveRoot(session.socket.conn);
    registry.remove(session);
    keepAlive.stop(session);
    this.#report({ type: 'client_disconnected', client: session.id, reason });
  }

  /** Ends a client that exceeded the limit of early events. The message says when it may reconnect. */
  readonly endOverLimit = (session: Session): void => {
    const { id, socket } = session;
    this.#report({ type: 'limit_reached', client: id, limit: 'held_events' });
    if (!this.#forgetForGood(session, END_REASONS.limited)) return;
    this.#messages.limited(session, COME_BACK_AFTER_MS);
    this.#parts.connectionsDo.end(socket.conn);
  };

  /** Ends a client that has sent too fast for too long. The message says when it may reconnect. */
  readonly endOverRate = (connection: Wire): void => {
    const session = this.#parts.registry.of(connection);
    const client = session?.id ?? connectionIdOf(connection);
    this.#report({ type: 'limit_reached', client, limit: 'messages_per_second' });
    if (session === undefined) this.#parts.connectionsDo.end(connection);
    else {
      const after = this.#parts.entry.penalize(session);
      this.#sendAway(session, END_REASONS.limited, endingOf('rate_limited', { retry: true, after }));
    }
  };

  /** Disconnects a client for the program. Socket.IO's client does not reconnect automatically after that. */
  disconnect(socket: IOSocket): void {
    const session = this.#parts.registry.get(socket.id);
    if (session?.socket === socket) this.#end(session, 'disconnected by the server');
    else socket.disconnect();
  }

  /** The client's access was withdrawn. `text`: for its user. */
  revoke(session: Session, text: string | undefined): void {
    this.access.putOut(session, endingOf('revoked', text === undefined ? {} : { text }));
  }

  /** Ends a client that may come back, and is authenticated anew. Clients that are sent back together come back one after another. */
  sendBack(session: Session): void {
    const after = Math.round(COME_BACK_AFTER_MS + Math.random() * COME_BACK_WITHIN_MS);
    this.access.putOut(session, endingOf('unavailable', { after }));
  }

  /** Sends all clients with an identity back. Returns how many there were. */
  sendAllBack(): number {
    const known = [...this.#parts.registry.sessions.values()].filter(({ identity }) => identity !== undefined);
    for (const session of known) this.sendBack(session);
    return known.length;
  }

  /** Ends all sessions and their timers without telling their clients. Returns how many there were. */
  endAll(): number {
    const { deadlines, keepAlive, registry, budget, failures, expiries } = this.#parts;
    deadlines.stopAll();
    budget.close();
    failures?.close();
    expiries.clear();
    keepAlive.stopAll();
    return registry.close();
  }

  /** Ends a session from our side, once. With an ending the client is told before; then its connection is closed. */
  #end(session: Session, reason: string, ending?: Ending): void {
    const { id, socket } = session;
    const connection = socket.conn;
    if (!this.#forgetForGood(session, reason)) return;
    if (ending !== undefined) this.#messages.unauthenticated(session, ending);
    callSafely(
      () => socket.disconnect(),
      (error) => this.#report({ type: 'handler_failed', where: 'a "disconnect" listener', client: id, error }),
    );
    this.#parts.connectionsDo.end(connection);
  }

  /** Ends a session whose client may reconnect. Without Socket.IO's disconnect, after which the client would not reconnect automatically. */
  #sendAway(session: Session, reason: string, ending: Ending): void {
    if (!this.#forgetForGood(session, reason)) return;
    this.#messages.unauthenticated(session, ending);
    this.#parts.connectionsDo.end(session.socket.conn);
  }

  /** Ends a session and its deadline, because its connection is about to be closed. */
  #forgetForGood(session: Session, reason: string): boolean {
    if (!this.#forget(session, reason)) return false;
    this.#parts.deadlines.stop(session.socket.conn);
    return true;
  }
}

/** The program failed to serve a client. `handled` counts its events that were handled. */
function unavailable(more: { readonly after?: number; readonly handled?: number } = {}): Ending {
  return endingOf('unavailable', { after: COME_BACK_AFTER_MS, ...more });
}
