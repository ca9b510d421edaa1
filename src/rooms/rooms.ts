import { describe } from '../common/describe.js';
import { parseRoomsRequest } from '../common/parse-rooms-request.js';
import type { TSocketIOValidateRoomFn } from '../ports/options.js';
import type { Reporter } from '../ports/reports.js';
import type { TRoomErrorCode } from '../protocol/errors.js';
import { isInternalRoom } from '../protocol/events.js';
import type { ILimits } from '../protocol/limits.js';
import { type IRefusedRoom, refuseRoom } from '../protocol/messages.js';
import { isPlainSocketId, isSocketId } from '../protocol/socket-ids.js';
import type { PendingJoin } from '../session/room-work.js';
import type { Session } from '../session/session.js';
import { askedRooms } from './asked-rooms.js';
import type { RoomsReport } from './reports.js';
import type { IdOwner } from './socket-search.js';

/** Timeout of the question to other instances whether a name is the id of one of their sockets. */
const ASK_TIMEOUT_MS = 1_000;

/** Most questions of one client that wait. A later question would be answered too late. */
const MOST_WAITING_QUESTIONS = 64;
/** Most calls of `validateRoomFn` that run or wait on an instance. A client without a running call may always make one. */
const MOST_GUARDS_IN_ALL = 10_000;

export interface RoomsOptions {
  readonly limits: ILimits;
  readonly defaultRooms: readonly string[];
  readonly validateRoomFn: TSocketIOValidateRoomFn | undefined;
  /** Whether this instance has a socket of that id. */
  readonly hasSocket: (id: string) => boolean;
  /** Asks the other servers whether these names are ids of their sockets. Never rejects. */
  readonly findSockets: (ids: readonly string[], timeoutMs: number) => Promise<ReadonlyMap<string, IdOwner>>;
  readonly report: Reporter<RoomsReport>;
}

/** The decision on the rooms of one request. `granted` is empty if nothing may change. */
export interface RoomsVerdict {
  readonly granted: readonly string[];
  readonly refused: readonly IRefusedRoom[];
}

/** A decision on a `join`. Before the join is carried out, the client or the program can withdraw rooms. */
export interface JoinVerdict {
  /** The decision at this moment. Rooms whose request was withdrawn are refused. The first call counts. */
  claim(): RoomsVerdict;
  /** Call when the join was carried out, or failed: its rooms are no longer pending. */
  end(): void;
}

/**
 * Decides which rooms a client may join and leave. It reads the rooms of a socket, and changes nothing about it. It records which
 * requests are pending in the session, because a decision takes time, and later requests depend on it.
 */
export class Rooms {
  readonly #options: RoomsOptions;
  /** Calls of `validateRoomFn` that run or wait. */
  #guards = 0;
  #reportedMissing = false;

  constructor(options: RoomsOptions) {
    this.#options = options;
  }

  /** Decides on a `join`. A room is not granted if the client leaves it, or the program removes the client, before the decision. */
  async decideJoin(session: Session, payload: unknown): Promise<JoinVerdict> {
    const request = parseRoomsRequest(payload, this.#options.limits.roomsPerRequest);
    if ('refusal' in request) return refusal([request.refusal]);
    const refused = new Refusals();
    const fits = this.#allowance(session);
    const asked = refused.sift(request.rooms, (room) => this.#unfit(room) ?? fits(room));
    if (asked.length === 0) return refusal(refused.list);

    const pending = session.roomWork.begin(asked);
    try {
      return joinVerdict(pending, await this.#askGuards(session, asked, refused), refused);
    } catch (error) {
      pending.end();
      throw error;
    }
  }

  /** Decides on a `leave`. Never rejects. */
  async decideLeave(session: Session, payload: unknown): Promise<RoomsVerdict> {
    const request = parseRoomsRequest(payload, this.#options.limits.roomsPerRequest);
    if ('refusal' in request) return { granted: [], refused: [request.refusal] };
    const refused = new Refusals();
    const wanted = refused.sift(request.rooms, (room) => this.#unfit(room));
    for (const room of wanted) session.takeBack(room);
    // If the client is in a room that has the form of a socket id, the program put it there. It may be another client's room.
    const rooms = session.socket.rooms;
    const doubtful = wanted.filter((room) => isPlainSocketId(room) && rooms.has(room));
    const owners = await this.#owners(session, doubtful);
    return { granted: refused.sift(wanted, (room) => foreign(owners.get(room))), refused: refused.list };
  }

  async #askGuards(session: Session, asked: readonly string[], refused: Refusals): Promise<string[]> {
    if (this.#options.validateRoomFn === undefined) {
      this.#reportMissing(session);
      return refused.sift(asked, () => 'not_allowed');
    }
    const doubtful = asked.filter((room) => isPlainSocketId(room));
    const owners = await this.#owners(session, doubtful);
    const own = refused.sift(asked, (room) => foreign(owners.get(room)));
    if (own.length === 0) return [];
    const allowed = await this.#askGuard(this.#options.validateRoomFn, session, own);
    return refused.sift(own, (room) =>
      typeof allowed === 'string' ? allowed : allowed.has(room) ? undefined : 'not_allowed',
    );
  }

  /** Calls `validateRoomFn` when a place for this client is free, unless the session has ended. */
  async #askGuard(
    validateRoomFn: TSocketIOValidateRoomFn,
    session: Session,
    rooms: readonly string[],
  ): Promise<ReadonlySet<unknown> | TRoomErrorCode> {
    const { guards } = session.roomWork;
    if (this.#guards >= MOST_GUARDS_IN_ALL && guards.held > 0) return 'guard_failed';
    this.#guards += 1;
    await guards.acquire();
    try {
      return session.ended ? 'left' : await this.#validate(validateRoomFn, session, rooms);
    } finally {
      this.#guards -= 1;
      guards.release();
    }
  }

  async #validate(
    validateRoomFn: TSocketIOValidateRoomFn,
    session: Session,
    rooms: readonly string[],
  ): Promise<ReadonlySet<unknown> | TRoomErrorCode> {
    try {
      const allowed: unknown = await validateRoomFn({ socket: session.socket, rooms: askedRooms(rooms) });
      const received = whyNoNames(allowed);
      if (received !== undefined) {
        this.#options.report({ type: 'validate_room_fn_result_invalid', client: session.id, received });
      }
      return Array.isArray(allowed) ? new Set(allowed) : 'not_allowed';
    } catch (error) {
      this.#options.report({ type: 'validate_room_fn_failed', client: session.id, error });
      return 'guard_failed';
    }
  }

  /** Once: a program may leave it out on purpose. */
  #reportMissing({ id: client }: Session): void {
    if (!this.#reportedMissing) this.#options.report({ type: 'validate_room_fn_missing', client });
    this.#reportedMissing = true;
  }

  async #owners(session: Session, ids: readonly string[]): Promise<ReadonlyMap<string, IdOwner>> {
    if (ids.length === 0) return new Map();
    const deadline = performance.now() + ASK_TIMEOUT_MS;
    const { questions } = session.roomWork;
    if (questions.waiting >= MOST_WAITING_QUESTIONS) return new Map(ids.map((id) => [id, 'unanswered']));
    await questions.acquire();
    try {
      return await this.#options.findSockets(ids, Math.max(0, deadline - performance.now()));
    } finally {
      questions.release();
    }
  }

  #unfit(room: string): TRoomErrorCode | undefined {
    if (room === '') return 'invalid_name';
    if (room.length > this.#options.limits.roomNameLength) return 'name_too_long';
    if (isInternalRoom(room)) return 'reserved_name';
    if (isSocketId(room) || this.#options.hasSocket(room)) return 'socket_id';
    return undefined;
  }

  /** Returns a function that decides for one room after another whether it exceeds the client's limit, including pending requests. */
  #allowance(session: Session): (room: string) => TRoomErrorCode | undefined {
    const { rooms } = session.socket;
    const given = this.#options.defaultRooms.filter((room) => rooms.has(room)).length + 1;
    let pendingLeft = this.#options.limits.roomsPerClient - session.roomWork.names;
    let left = pendingLeft - (rooms.size - given);
    // A room that the client is in does not count again, but `validateRoomFn` is called for it again.
    const fits = (room: string) => pendingLeft-- > 0 && (rooms.has(room) || left-- > 0);
    return (room) => (fits(room) ? undefined : 'room_limit');
  }
}

function joinVerdict(pending: PendingJoin, allowed: readonly string[], refused: Refusals): JoinVerdict {
  let claimed: RoomsVerdict | undefined;
  const decide = (): RoomsVerdict => {
    const granted = refused.sift(allowed, (room) => (pending.has(room) ? undefined : 'left'));
    return { granted, refused: refused.list };
  };
  const claim = (): RoomsVerdict => {
    claimed ??= decide();
    return claimed;
  };
  return { claim, end: () => pending.end() };
}

/** The verdict that grants no room. */
function refusal(refused: readonly IRefusedRoom[]): JoinVerdict {
  return { claim: () => ({ granted: [], refused }), end: () => {} };
}

/** The kind of a result that names no room although it is not empty, such as the result of `map` in place of `filter`. */
function whyNoNames(allowed: unknown): string | undefined {
  if (!Array.isArray(allowed)) return describe(allowed);
  if (allowed.length === 0 || allowed.some((room) => typeof room === 'string')) return undefined;
  return `an array of ${describe(allowed[0])}`;
}

function foreign(owner: IdOwner | undefined): TRoomErrorCode | undefined {
  if (owner === 'elsewhere') return 'socket_id';
  return owner === 'unanswered' ? 'cluster_unanswered' : undefined;
}

/** Collects what was refused, so that each step reads as a filter. */
class Refusals {
  readonly list: IRefusedRoom[] = [];

  /** Returns the rooms for which `why` has no code. The others are added to the refused rooms with their code. */
  sift(rooms: Iterable<string>, why: (room: string) => TRoomErrorCode | undefined): string[] {
    const kept: string[] = [];
    for (const room of rooms) {
      const code = why(room);
      if (code === undefined) kept.push(room);
      else this.list.push(refuseRoom(room, code));
    }
    return kept;
  }
}
