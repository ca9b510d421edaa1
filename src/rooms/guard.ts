import { isPromiseLike } from '../common/is-promise-like.js';
import type { ValidateRoomFn } from '../ports/options.js';
import type { Reporter } from '../ports/reports.js';
import { RoomgateError } from '../protocol/errors.js';
import type { Session } from '../session/session.js';
import { askedRooms } from './asked-rooms.js';
import { GuardSignal } from './guard-signal.js';
import type { RoomsReport } from './reports.js';
import { type RoomDecision, readVerdicts } from './room-verdicts.js';

/**
 * Most calls of `validateRoomFn` on an instance that run, wait or were given up and have not settled. A client without such a call may
 * always make one.
 */
const MOST_GUARDS_IN_ALL = 10_000;

export interface GuardOptions {
  readonly validateRoomFn: ValidateRoomFn;
  /** Milliseconds after which a call is given up. */
  readonly guardTimeout: number;
  /** Calls that run for one client at a time. */
  readonly joinsInFlight: number;
  readonly report: Reporter<RoomsReport>;
}

/** The decisions on rooms; a room that is missing is refused. Or the code for all of them. */
export type GuardAnswer = ReadonlyMap<string, RoomDecision> | 'guard_failed' | 'left';

const LATE = Symbol('late');

/**
 * Calls `validateRoomFn`, and gives a call up after `guardTimeout`. Nothing can end a function that never settles: what it holds stays
 * in memory as long as the program can still settle its promise. So calls that were given up count as running for the limit of all
 * calls, although they free their place among the calls of their client.
 */
export class Guard {
  readonly #options: GuardOptions;
  /** Calls that run or wait. */
  #calls = 0;
  /** Calls that were given up and have not settled. */
  #unsettled = 0;

  constructor(options: GuardOptions) {
    this.#options = options;
  }

  /** Asks for a client that wants these rooms, when a place for this client is free. Never rejects. */
  async ask(session: Session, rooms: readonly string[]): Promise<GuardAnswer> {
    const { roomWork } = session;
    const guards = roomWork.guards(this.#options.joinsInFlight);
    const isBusy = guards.held + roomWork.unsettledGuards > 0;
    if (isBusy && this.#calls + this.#unsettled >= MOST_GUARDS_IN_ALL) return 'guard_failed';
    this.#calls += 1;
    await guards.acquire();
    try {
      return session.ended ? 'left' : await this.#call(session, rooms);
    } finally {
      this.#calls -= 1;
      guards.release();
    }
  }

  /** Asks about rooms that a client is in. It does not wait for a place: a client could delay that with many requests. Never rejects. */
  async askAgain(session: Session, rooms: readonly string[]): Promise<GuardAnswer> {
    return session.ended ? 'left' : this.#call(session, rooms);
  }

  async #call(session: Session, rooms: readonly string[]): Promise<GuardAnswer> {
    const { validateRoomFn, report } = this.#options;
    const failed = (error: unknown): void => report({ type: 'validate_room_fn_failed', client: session.id, error });
    const guardSignal = new GuardSignal(session, failed);
    try {
      const answer = validateRoomFn({
        socket: session.socket,
        rooms: askedRooms(rooms),
        identity: session.identity,
        get signal() {
          return guardSignal.signal;
        },
      });
      const result = isPromiseLike(answer) ? await this.#inTime(answer, session, guardSignal) : answer;
      return result === LATE ? 'guard_failed' : this.#read(session, result);
    } catch (error) {
      failed(error);
      return 'guard_failed';
    } finally {
      guardSignal.end();
    }
  }

  #read({ id: client }: Session, result: unknown): ReadonlyMap<string, RoomDecision> {
    const { report } = this.#options;
    const { decisions, received, problem, errors } = readVerdicts(result);
    if (received !== undefined) {
      const more = problem === undefined ? {} : { problem };
      report({ type: 'validate_room_fn_result_invalid', client, received, ...more });
    }
    for (const error of errors) report({ type: 'validate_room_fn_failed', client, error });
    return decisions;
  }

  #inTime<T>(answer: PromiseLike<T>, session: Session, guardSignal: GuardSignal): Promise<T | typeof LATE> {
    const { guardTimeout, report } = this.#options;
    const { id: client, roomWork } = session;
    return new Promise((resolve, reject) => {
      let isLate = false;
      const timer = setTimeout(() => {
        isLate = true;
        this.#unsettled += 1;
        roomWork.unsettledGuards += 1;
        report({ type: 'validate_room_fn_unanswered', client, afterMs: guardTimeout });
        resolve(LATE);
        const text = `validateRoomFn has not settled within ${guardTimeout} ms.`;
        guardSignal.abort(new RoomgateError('timed_out', text));
      }, guardTimeout).unref();
      const settled = (): void => {
        clearTimeout(timer);
        if (!isLate) return;
        this.#unsettled -= 1;
        roomWork.unsettledGuards -= 1;
      };
      Promise.resolve(answer).then(
        (result) => {
          settled();
          resolve(result);
        },
        (error: unknown) => {
          settled();
          reject(error);
        },
      );
    });
  }
}
