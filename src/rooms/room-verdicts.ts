import { isRecord } from '../common/checks.js';
import { describe } from '../common/describe.js';
import { otherName, readRefusal } from '../common/refusals.js';
import { readWhen } from '../common/when.js';
import { ROOM_ERRORS } from '../protocol/errors.js';
import { type IRefusedRoom, refuseRoom } from '../protocol/messages.js';

const OF_GRANT = ['room', 'until'];
const OF_REFUSAL = ['room', 'refused', 'message', 'retry'];

/** When the grant of a room ends, in milliseconds since 1970; infinite if it does not end by itself. Or the refusal. */
export type RoomDecision = number | IRefusedRoom;

/**
 * A room on which a guard of `roomGuards()` could not decide. If a program copies it, it is a refusal with a code that programs may not
 * use, so it never becomes a grant.
 */
export class UndecidedRoom {
  readonly room: string;
  readonly refused = 'guard_failed';
  readonly error: unknown;

  constructor(room: string, error: unknown) {
    this.room = room;
    this.error = error;
  }
}

/** The checked result of `validateRoomFn`. */
export interface RoomVerdicts {
  /** By room. A room that is missing is refused. */
  readonly decisions: ReadonlyMap<string, RoomDecision>;
  /** The kind of a result that is no array, or of the first entry that is invalid. */
  readonly received?: string;
  /** What is wrong with that entry. */
  readonly problem?: string;
  /** The errors of single rooms. */
  readonly errors: readonly unknown[];
}

/** Checks what `validateRoomFn` returned. Of several decisions on one room the strictest counts. An invalid entry grants nothing. */
export function readVerdicts(result: unknown): RoomVerdicts {
  if (!Array.isArray(result)) return { decisions: new Map(), received: describe(result), errors: [] };
  const decisions = new Map<string, RoomDecision>();
  const errors: unknown[] = [];
  let invalid: Pick<RoomVerdicts, 'received' | 'problem'> = {};
  for (let at = 0; at < result.length; at++) {
    const entry: unknown = result[at];
    const { room, decision, wrong } = readEntry(entry);
    if (room !== undefined) decisions.set(room, stricter(decisions.get(room), decision));
    if (entry instanceof UndecidedRoom) errors.push(entry.error);
    if (wrong !== undefined && invalid.received === undefined) {
      invalid = { received: `an array of ${describe(entry)}`, problem: `[${at}]: ${wrong}` };
    }
  }
  return { decisions, errors, ...invalid };
}

interface Entry {
  /** Undefined if the entry names no room. */
  readonly room?: string;
  readonly decision: RoomDecision;
  readonly wrong?: string;
}

const NONE = Number.POSITIVE_INFINITY;

function readEntry(entry: unknown): Entry {
  if (typeof entry === 'string') return { room: entry, decision: NONE };
  if (entry instanceof UndecidedRoom) return { room: entry.room, decision: refuseRoom(entry.room, 'guard_failed') };
  if (!isRecord(entry)) {
    return { decision: 0, wrong: `expected a room name or a verdict, received ${describe(entry)}` };
  }
  const { room } = entry;
  if (typeof room !== 'string') return { decision: 0, wrong: `"room": expected a string, received ${describe(room)}` };
  const decision = 'refused' in entry ? readRefused(room, entry) : readGranted(entry);
  return typeof decision === 'string'
    ? { room, decision: refuseRoom(room, 'not_allowed'), wrong: decision }
    : { room, decision };
}

/** Returns a text that says what is wrong with the entry. */
function readGranted(entry: Readonly<Record<string, unknown>>): RoomDecision | string {
  const other = otherName(entry, OF_GRANT);
  if (other !== undefined) return other;
  if (entry.until === undefined) return NONE;
  const until = readWhen(entry.until);
  if (typeof until === 'string') return `"until": ${until}`;
  return until > Date.now() ? until : '"until": expected a moment in the future, received one that has passed';
}

function readRefused(room: string, entry: Readonly<Record<string, unknown>>): RoomDecision | string {
  const read = readRefusal(entry, ROOM_ERRORS, OF_REFUSAL);
  if ('wrong' in read) return read.wrong;
  const { code, message = ROOM_ERRORS.not_allowed.text, retry } = read.refusal;
  return { room, code, message, ...(retry ? { retry } : {}) };
}

function stricter(one: RoomDecision | undefined, other: RoomDecision): RoomDecision {
  if (one === undefined) return other;
  if (typeof one !== 'number') return one;
  return typeof other === 'number' ? Math.min(one, other) : other;
}
