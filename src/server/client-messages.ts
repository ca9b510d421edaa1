import type { KnownRefusal } from '../common/refusals.js';
import { callSafely } from '../common/sink.js';
import { Broadcasts } from '../fanout/broadcasts.js';
import { Membership } from '../gate/membership.js';
import type { Reporter } from '../ports/reports.js';
import { type TUnauthenticatedCode, UNAUTHENTICATED_ERRORS } from '../protocol/errors.js';
import { EVENT_LIMITED, EVENT_RENEW, EVENT_ROOMS_LOST, SocketIOConstants } from '../protocol/events.js';
import type {
  IAuthenticatedMessage,
  IComeBackMessage,
  IPingMessage,
  IRefusedRoom,
  IUnauthenticatedMessage,
  RenewMessage,
  RoomsLostMessage,
} from '../protocol/messages.js';
import type { Session } from '../session/session.js';
import { letThrough } from '../socketio/outgoing-packets.js';
import type { Report } from './reports.js';

/** How long a client must wait before it reconnects, if it exceeded the limit of early events or the program failed to serve it. */
export const COME_BACK_AFTER_MS = 1_000;

/** What the last message of a session says. */
export interface Ending extends Pick<IUnauthenticatedMessage, 'code' | 'retry' | 'after' | 'handled'> {
  /** For the client's user. */
  readonly text: string;
}

/** An ending with a code of the library, and the text of that code. */
export function endingOf(code: TUnauthenticatedCode, more: Omit<Partial<Ending>, 'code'> = {}): Ending {
  return { code, text: UNAUTHENTICATED_ERRORS[code].text, ...more };
}

/** The ending of the program's own refusal. A client that may try again is told when. */
export function endingByProgram({ code, message, retry }: KnownRefusal): Ending {
  const ending = { ...endingOf('refused', message === undefined ? {} : { text: message }), code };
  return retry ? { ...ending, retry, after: COME_BACK_AFTER_MS } : ending;
}

/** Roomgate's own messages to one client: what they contain, and what must be true before the last one. */
export class ClientMessages {
  readonly #authenticateTimeout: number;
  readonly #report: Reporter<Report>;

  constructor(authenticateTimeout: number, report: Reporter<Report>) {
    this.#authenticateTimeout = authenticateTimeout;
    this.#report = report;
  }

  /** Encodes the message once, if the adapter works as expected. */
  readonly pingAll = (sessions: readonly Session[]): void => {
    const [first] = sessions;
    if (first === undefined) return;
    const message: IPingMessage = { time: new Date().toISOString() };
    const sockets = sessions.map(({ socket }) => socket);
    const isTold = Broadcasts.of(first.socket.nsp.adapter)?.tell(sockets, [SocketIOConstants.EVENT_PING, message]);
    if (isTold !== true) for (const session of sessions) this.ping(session);
  };

  ping(session: Session): void {
    const message: IPingMessage = { time: new Date().toISOString() };
    this.#tell(session, SocketIOConstants.EVENT_PING, message);
  }

  authenticated(session: Session): void {
    const message: IAuthenticatedMessage = { id: session.id, time: new Date().toISOString(), ...about(session) };
    this.#tell(session, SocketIOConstants.EVENT_AUTHENTICATED, message);
    this.#report({ type: 'client_authenticated', client: session.id });
  }

  /** The client has renewed its credentials. */
  renewed(session: Session): void {
    const time = new Date().toISOString();
    const message: IAuthenticatedMessage = { id: session.id, time, ...about(session), renewed: true };
    this.#tell(session, SocketIOConstants.EVENT_AUTHENTICATED, message);
    this.#report({ type: 'client_renewed', client: session.id });
  }

  /** The client should renew its credentials after this many milliseconds. */
  renewLater(session: Session, after: number): void {
    const message: RenewMessage = { after };
    this.#tell(session, EVENT_RENEW, message);
  }

  /** The client is no longer in these rooms. */
  roomsLost(session: Session, rooms: readonly IRefusedRoom[]): void {
    const message: RoomsLostMessage = { rooms: [...rooms] };
    this.#tell(session, EVENT_ROOMS_LOST, message);
  }

  /** The last message of a session that exceeded a limit. `after`: the milliseconds after which the client may reconnect. */
  limited(session: Session, after: number): void {
    const message: IComeBackMessage = { after };
    this.#tellLast(session, EVENT_LIMITED, message);
  }

  /** The last message of a session. */
  unauthenticated(session: Session, { code, text, ...more }: Ending): void {
    const message: IUnauthenticatedMessage = { message: text, time: new Date().toISOString(), code, ...more };
    this.#tellLast(session, SocketIOConstants.EVENT_UNAUTHENTICATE, message);
    const { address } = session.socket.handshake;
    const after = code === 'timeout' ? { afterMs: this.#authenticateTimeout } : {};
    this.#report({ type: 'client_refused', client: session.id, code, address, ...after });
  }

  /** Removes the client from all rooms first, so that no broadcast can follow this message. */
  #tellLast(session: Session, event: string, message: object): void {
    Membership.of(session.socket.nsp.adapter)?.dismiss(session.id);
    letThrough(session.socket, message);
    this.#tell(session, event, message);
  }

  /** Sends to this socket directly, so that answers to a client never go through Redis. */
  #tell({ id, socket }: Session, event: string, message: object): void {
    callSafely(
      () => socket.emit(event, message),
      (error) => this.#report({ type: 'handler_failed', where: 'an outgoing listener', client: id, error }),
    );
  }
}

/** What a client is told about its identity. Its claims are the program's. */
function about({ identity }: Session): Pick<IAuthenticatedMessage, 'user' | 'session' | 'expiresIn'> | undefined {
  if (identity === undefined) return undefined;
  const { user, session, expiresAt } = identity;
  return {
    user,
    ...(session === undefined ? {} : { session }),
    ...(expiresAt === undefined ? {} : { expiresIn: Math.max(0, Math.round(expiresAt - Date.now())) }),
  };
}
