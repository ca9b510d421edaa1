import { ROOM_ERRORS, type TRoomErrorCode, type TUnauthenticatedCode } from './errors.js';

/** Server to client: `ping`. */
export interface IPingMessage {
  /** ISO 8601. */
  time: string;
}

/** Server to client: `authenticated`. */
export interface IAuthenticatedMessage {
  /** The socket's id, which is also the name of its private room. */
  id: string;
  /** ISO 8601. */
  time: string;
  /** The client's user, if `authenticateFn` returned an identity. */
  user?: string;
  /** The `session` of that identity, if it has one. */
  session?: string;
  /** Milliseconds until the client's access ends; left out if it does not end by itself. Relative, because clocks differ. */
  expiresIn?: number;
  /** True after a renewal: the client was authenticated before, and its rooms and handlers stay. */
  renewed?: true;
}

/** Server to client: `roomgate:renew`. The client should send `authenticate` with new credentials on this connection. */
export interface RenewMessage {
  /** Milliseconds to wait before that. */
  after: number;
}

/** Server to client: `roomgate:left`. The client is no longer in these rooms, and why. */
export interface RoomsLostMessage {
  rooms: IRefusedRoom[];
}

/** Server to client: `unauthenticated`. */
export interface IUnauthenticatedMessage {
  /** For the client's user: never the text of an error of the program. */
  message: string;
  /** ISO 8601. */
  time: string;
  /** For the program: one of the library, or the `refused` of `authenticateFn`. Treat an unknown code as a refusal. */
  code: TUnauthenticatedCode | (string & NonNullable<unknown>);
  /** True if a client may reconnect automatically although its code is not one of the library. */
  retry?: true;
  /** Milliseconds to wait before reconnecting: with `unavailable`, `rate_limited` and `too_many_connections`, or with `retry`. */
  after?: number;
  /**
   * Only with the code `unavailable`, after a `clientConnectedFn` that failed: how many events of this client, counted from
   * `authenticated`, the server has handled. No handler was called, or will be, for the events after these.
   */
  handled?: number;
}

/** Server to client: `roomgate:drain` and `roomgate:limited`. The connection is closed; the client should reconnect. */
export interface IComeBackMessage {
  /** Milliseconds to wait before reconnecting. */
  after: number;
}

/** Client to server: `join` and `leave`. */
export interface IRoomsRequest {
  rooms: string[];
}

/** One room that was not joined or left, and why. */
export interface IRefusedRoom {
  /** The room as requested; empty if the request as a whole was refused. */
  room: string;
  /** For the program: one of the library, of which `docs/protocol.md` says which may pass, or the `refused` of `validateRoomFn`. */
  code: TRoomErrorCode | (string & NonNullable<unknown>);
  /** For the client's user. */
  message: string;
  /** True if asking again may help although the code is not one of the library. */
  retry?: true;
}

/** The acknowledgement of `join`. */
export interface IJoinAnswer {
  joined: string[];
  refused: IRefusedRoom[];
}

/** The acknowledgement of `leave`. */
export interface ILeaveAnswer {
  left: string[];
  refused: IRefusedRoom[];
}

/** A refusal with the text that belongs to its code, or a more exact one. */
export function refuseRoom(room: string, code: TRoomErrorCode, message: string = ROOM_ERRORS[code].text): IRefusedRoom {
  return { room, code, message };
}
