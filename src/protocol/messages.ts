import { describe } from './describe.js';
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
}

/** Server to client: `unauthenticated`. */
export interface IUnauthenticatedMessage {
  /** For the client's user: never the text of an error of the program. */
  message: string;
  /** ISO 8601. */
  time: string;
  /** For the program. Take one that is not known for a refusal. */
  code: TUnauthenticatedCode;
}

/** Server to client: `roomgate:drain` and `roomgate:limited`. The connection is closed; the client is to come back. */
export interface IComeBackMessage {
  /** Milliseconds before which the client is not to come back. */
  after: number;
}

/** Client to server: `join` and `leave`. */
export interface IRoomsRequest {
  rooms: string[];
}

/** One room that was not joined or left, and why. */
export interface IRefusedRoom {
  /** The room as it was asked for; empty where the request as a whole was refused. */
  room: string;
  /** For the program; `docs/protocol.md` says which of them may pass. */
  code: TRoomErrorCode;
  /** For the client's user. */
  message: string;
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

export type TParsedRoomsRequest = { readonly rooms: readonly string[] } | { readonly refusal: IRefusedRoom };

/** Unknown input to the rooms asked for, each once, or to the exact reason why it is no such request. */
export function parseRoomsRequest(input: unknown, roomsPerRequest: number): TParsedRoomsRequest {
  const invalid = (found: string) => ({
    refusal: refuseRoom('', 'invalid_payload', `${ROOM_ERRORS.invalid_payload.text} Given: ${found}.`),
  });
  if (typeof input !== 'object' || input === null || Array.isArray(input)) return invalid(describe(input));
  const rooms: unknown = Object.hasOwn(input, 'rooms') ? (input as { rooms?: unknown }).rooms : undefined;
  if (!Array.isArray(rooms)) return invalid(`${describe(rooms)} as rooms`);
  if (rooms.length > roomsPerRequest) {
    const text = `${ROOM_ERRORS.too_many_rooms.text} At most ${roomsPerRequest} are taken, ${rooms.length} were given.`;
    return { refusal: refuseRoom('', 'too_many_rooms', text) };
  }
  const stranger = rooms.findIndex((room) => typeof room !== 'string');
  if (stranger !== -1) return invalid(`${describe(rooms[stranger])} at rooms[${stranger}]`);
  return { rooms: [...new Set(rooms as string[])] };
}
