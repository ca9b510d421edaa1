import { errorStack } from '../observability/error-text.js';
import type { HandlerFailed } from '../observability/shared-reports.js';
import type { LogLines } from '../ports/reports.js';

type OwnReport =
  /** A client joined rooms that it asked for. Default rooms and joins of the program are not reported. */
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
  /** A client was refused rooms that it asked to join or leave. Their names are not reported, since a client makes them up. */
  | {
      readonly type: 'rooms_refused';
      /** The id of the socket. */
      readonly client: string;
      /** The codes of the answer, each once. */
      readonly codes: readonly string[];
    }
  /** `validateRoomFn` threw or rejected. The rooms were refused with the code `guard_failed`. */
  | {
      readonly type: 'validate_room_fn_failed';
      /** The id of the socket. */
      readonly client: string;
      /** The error that it threw. */
      readonly error: unknown;
    }
  /** `validateRoomFn` returned something other than a list. The client joined no room. */
  | {
      readonly type: 'validate_room_fn_result_invalid';
      /** The id of the socket. */
      readonly client: string;
      /** The kind of the returned value, such as `a string`. */
      readonly received: string;
    };

/** The reports of `rooms/`. */
export type RoomsReport = OwnReport | HandlerFailed;

export const ROOMS_LINES: LogLines<OwnReport> = {
  rooms_joined: ['debug', (r) => `client ${r.client} joined ${r.rooms.length} rooms`],
  rooms_left: ['debug', (r) => `client ${r.client} left ${r.rooms.length} rooms`],
  rooms_refused: ['debug', (r) => `client ${r.client} was refused rooms: ${r.codes.join(', ')}`],
  validate_room_fn_failed: ['error', (r) => `validateRoomFn failed for client ${r.client}: ${errorStack(r.error)}`],
  validate_room_fn_result_invalid: [
    'warn',
    (r) => `validateRoomFn must return a list of rooms; it returned ${r.received}, so client ${r.client} joined none`,
  ],
};
