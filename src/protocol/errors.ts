/** An entry of a closed list: the text for a person, and whether asking again can help. */
interface ErrorEntry {
  readonly text: string;
  readonly retryable: boolean;
}

/** Why a room was refused. Retryable: the same request may be granted later. Final: it won't. */
export const ROOM_ERRORS = {
  not_allowed: { text: 'This room is not open to you.', retryable: false },
  guard_failed: {
    text: 'The server could not decide whether this room is open to you. Try again later.',
    retryable: true,
  },
  invalid_payload: { text: 'The request must have the shape { rooms: string[] }.', retryable: false },
  invalid_name: { text: 'The name of a room must have at least one character.', retryable: false },
  name_too_long: { text: 'The name of this room is too long.', retryable: false },
  reserved_name: { text: 'This room name is reserved.', retryable: false },
  socket_id: { text: 'This is the private room of a connection.', retryable: false },
  cluster_unanswered: { text: 'Not every instance answered in time. Try again later.', retryable: true },
  too_many_rooms: { text: 'Too many rooms in one request.', retryable: false },
  room_limit: { text: 'You are in the maximum number of rooms. Leave some first.', retryable: true },
  room_expired: { text: 'Your access to this room has ended. Ask for it again.', retryable: true },
  revoked: { text: 'Your access to this room was withdrawn.', retryable: false },
  left: { text: 'You left this room before the server decided.', retryable: true },
  unauthenticated: { text: 'This client is not authenticated yet.', retryable: true },
  offline: { text: 'There is no connection to the server.', retryable: true },
  timeout: { text: 'The server did not answer in time.', retryable: true },
} as const satisfies Record<string, ErrorEntry>;

/** Why a room was refused. */
export type TRoomErrorCode = keyof typeof ROOM_ERRORS;

/** Why a client is not, or is no longer, authenticated: `code` of the event `unauthenticated`. */
export const UNAUTHENTICATED_ERRORS = {
  refused: { text: 'You could not be authenticated. Please sign in again.', retryable: false },
  timeout: { text: 'You were not authenticated in time. Please sign in again.', retryable: false },
  unavailable: { text: 'The server is temporarily unavailable. This client will reconnect.', retryable: true },
  expired: { text: 'Your session has expired. Please sign in again.', retryable: true },
  user_changed: { text: 'You signed in as somebody else.', retryable: true },
  revoked: { text: 'Your access was withdrawn.', retryable: false },
  rate_limited: { text: 'Too many messages or failed attempts. This client will reconnect later.', retryable: true },
  too_many_connections: { text: 'You have too many connections. This client will reconnect later.', retryable: true },
} as const satisfies Record<string, ErrorEntry>;

/** Why a client is not, or is no longer, authenticated. */
export type TUnauthenticatedCode = keyof typeof UNAUTHENTICATED_ERRORS;

const TEMPORARY: ReadonlySet<string> = new Set<TUnauthenticatedCode>([
  'unavailable',
  'rate_limited',
  'too_many_connections',
]);

/** Whether a client with this code may reconnect automatically until it is accepted, with the same credentials. */
export function isTemporary(code: string): boolean {
  return TEMPORARY.has(code);
}

/** Whether a client with this code may be accepted with new credentials. An unknown code is final. */
export function isRenewable(code: string): boolean {
  if (isTemporary(code)) return false;
  return Object.hasOwn(UNAUTHENTICATED_ERRORS, code) && UNAUTHENTICATED_ERRORS[code as TUnauthenticatedCode].retryable;
}

/** The key of an answer to an event that says why the event was not handled. Its value is an `AnswerError`. */
export const ANSWER_ERROR_KEY = 'roomgate:error';

/** An error in an acknowledgement: whether the handler of the program may have run, in whole or in part. */
interface AnswerErrorEntry extends ErrorEntry {
  readonly mayHaveRun: boolean;
}

/** Why an event of a client was not handled, or not with success: `code` of the error in the acknowledgement. */
export const ANSWER_ERRORS = {
  internal: { text: 'Something went wrong on the server.', retryable: true, mayHaveRun: true },
  invalid: { text: 'The data of this event is invalid.', retryable: false, mayHaveRun: false },
  not_in_room: { text: 'You are not in the room of this event.', retryable: false, mayHaveRun: false },
  rate_limited: { text: 'You sent too much. Try again later.', retryable: true, mayHaveRun: false },
  busy: {
    text: 'Too many of your requests are being handled. Try again later.',
    retryable: true,
    mayHaveRun: false,
  },
  too_large: { text: 'The data of this event is too large.', retryable: false, mayHaveRun: false },
  timed_out: { text: 'The server took too long. It may still handle your request.', retryable: true, mayHaveRun: true },
} as const satisfies Record<string, AnswerErrorEntry>;

/** Why an event of a client was not handled, or not with success. */
export type AnswerErrorCode = keyof typeof ANSWER_ERRORS;

/** The codes with which `request()` of the client rejects without an answer of the server. */
const UNANSWERED = [
  'invalid_argument',
  'not_connected',
  'queue_full',
  'expired',
  'refused',
  'disconnected',
  'timed_out',
  'user_changed',
  'shut_down',
] as const;

/** The codes of `RoomgateError`. */
export const ROOMGATE_CODES = [
  ...UNANSWERED,
  'invalid_option',
  'not_configured',
  'credentials_failed',
  'unsupported',
  'redis_unreachable',
] as const;

/** The codes of `RoomgateError`. */
export type TRoomgateErrorCode = (typeof ROOMGATE_CODES)[number];

/** The codes of the library with which `request()` rejects. The codes of a program's contract come in addition. */
export type RequestErrorCode = (typeof UNANSWERED)[number] | AnswerErrorCode;

/** Whether `request()` may reject with this code for a reason of the library. */
export function isRequestCode(code: string): code is RequestErrorCode {
  return Object.hasOwn(ANSWER_ERRORS, code) || (UNANSWERED as readonly string[]).includes(code);
}

/** Whether a code belongs to the library, in any of its lists, so that a program can't give it another meaning. */
export function isOwnCode(code: string): boolean {
  const lists = [ANSWER_ERRORS, UNAUTHENTICATED_ERRORS, ROOM_ERRORS];
  return (ROOMGATE_CODES as readonly string[]).includes(code) || lists.some((list) => Object.hasOwn(list, code));
}

/** Whether this can be a code of a program, or of a later version of the library. */
export function isCode(code: unknown): code is string {
  return typeof code === 'string' && /^[a-z][a-z0-9_]{0,63}$/.test(code);
}

/** An error of this library. `code` is stable; `message` names the given and the expected value. */
export class RoomgateError extends Error {
  readonly code: TRoomgateErrorCode;

  constructor(code: TRoomgateErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'RoomgateError';
    this.code = code;
  }
}
