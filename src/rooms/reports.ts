import { shown } from '../common/log-text.js';
import { errorStack } from '../observability/error-text.js';
import type { HandlerFailed } from '../observability/shared-reports.js';
import type { LogLines } from '../ports/reports.js';

type OwnReport =
  /** A client joined rooms at its own request. Default rooms and joins of the program are not reported. */
  | {
      readonly type: 'rooms_joined';
      /** The id of the socket. */
      readonly client: string;
      readonly rooms: readonly string[];
    }
  /** A client left rooms at its own request. */
  | {
      readonly type: 'rooms_left';
      /** The id of the socket. */
      readonly client: string;
      readonly rooms: readonly string[];
    }
  /** A client was refused rooms that it asked to join or leave. */
  | {
      readonly type: 'rooms_refused';
      /** The id of the socket. */
      readonly client: string;
      /** The kind of the request. */
      readonly request: 'join' | 'leave';
      /** The codes of the answer, each once. */
      readonly codes: readonly string[];
      /** Each refused room with its code. The client makes up the names, so they may be long. Empty: the request as a whole. */
      readonly rooms: readonly { readonly room: string; readonly code: string }[];
    }
  /** A client was put out of rooms that it had joined at its own request. It was told. */
  | {
      readonly type: 'rooms_lost';
      /** The id of the socket. */
      readonly client: string;
      /** Each room with the code that the client received. */
      readonly rooms: readonly { readonly room: string; readonly code: string }[];
    }
  /** `validateRoomFn` threw or rejected. The rooms were refused with the code `guard_failed`. */
  | {
      readonly type: 'validate_room_fn_failed';
      /** The id of the socket. */
      readonly client: string;
      /** The error that it threw. */
      readonly error: unknown;
    }
  /** A client asked to join rooms, and there is no `validateRoomFn`, so every join is refused. Once for each instance. */
  | {
      readonly type: 'validate_room_fn_missing';
      /** The id of the socket. */
      readonly client: string;
    }
  /** `validateRoomFn` had not settled when `guardTimeout` passed. The rooms were refused with the code `guard_failed`. */
  | {
      readonly type: 'validate_room_fn_unanswered';
      /** The id of the socket. */
      readonly client: string;
      /** Milliseconds since the call: `guardTimeout`. */
      readonly afterMs: number;
    }
  /** `validateRoomFn` returned something other than a list of names and verdicts. What is invalid granted no room. */
  | {
      readonly type: 'validate_room_fn_result_invalid';
      /** The id of the socket. */
      readonly client: string;
      /** The kind of the returned value, or of its first invalid entry, such as `a string`. */
      readonly received: string;
      /** What is wrong with that entry, and its index. Left out if the value is no array. */
      readonly problem?: string;
    };

/** The reports of `rooms/`. */
export type RoomsReport = OwnReport | HandlerFailed;

export const ROOMS_LINES: LogLines<OwnReport> = {
  rooms_joined: ['debug', (r) => `client ${r.client} joined ${listed(r.rooms.map(quoted))}`],
  rooms_left: ['debug', (r) => `client ${r.client} left ${listed(r.rooms.map(quoted))}`],
  rooms_refused: ['info', (r) => `${r.request} refused for client ${r.client}: ${listed(r.rooms.map(refusal))}`],
  rooms_lost: ['info', (r) => `client ${r.client} was put out of ${listed(r.rooms.map(refusal))}`],
  validate_room_fn_failed: ['error', (r) => `validateRoomFn failed for client ${r.client}: ${errorStack(r.error)}`],
  validate_room_fn_missing: [
    'warn',
    (r) => `client ${r.client} asked to join a room, and every join is refused: there is no option "validateRoomFn"`,
  ],
  validate_room_fn_result_invalid: [
    'warn',
    (r) =>
      r.problem === undefined
        ? `validateRoomFn: expected an array of room names and verdicts, received ${r.received}` +
          `${r.received === 'undefined' ? ' (does the function lack a "return"?)' : ''}; client ${r.client} got no room`
        : `validateRoomFn returned an invalid entry for client ${r.client}, which grants nothing: ${r.problem}`,
  ],
  validate_room_fn_unanswered: [
    'warn',
    (r) =>
      `validateRoomFn has not settled within ${r.afterMs} ms for client ${r.client}, so its rooms were refused with ` +
      '"guard_failed"',
  ],
};

/** Rooms that a line names. A request may have hundreds. */
const MOST_NAMED = 5;

/** The first entries, and the number of the others. */
function listed(rooms: readonly string[]): string {
  const others = rooms.length - MOST_NAMED;
  const named = rooms.slice(0, MOST_NAMED).join(', ');
  return others > 0 ? `${named} and ${others} more` : named;
}

function quoted(room: string): string {
  return `"${shown(room)}"`;
}

/** A refusal of the request as a whole names no room. */
function refusal({ room, code }: { readonly room: string; readonly code: string }): string {
  return room === '' && code !== 'invalid_name' ? code : `${quoted(room)} (${code})`;
}
