import { fieldsOf } from '../common/checks.js';
import { parseRoomsRequest } from '../common/parse-rooms-request.js';
import type { TRoomErrorCode } from '../protocol/errors.js';
import { SocketIOConstants } from '../protocol/events.js';
import {
  type IJoinAnswer,
  type ILeaveAnswer,
  type IRefusedRoom,
  type IRoomsRequest,
  refuseRoom,
} from '../protocol/messages.js';
import { SocketIOClientStates, type TSocketIOClientState } from '../protocol/states.js';
import { type Method, notOneObject, wrongCall } from './calls.js';
import type { Log } from './log.js';
import { WantedRooms } from './wanted-rooms.js';

/** The part of the connection that rooms use. */
export interface RoomsPort {
  readonly connected: boolean;
  readonly state: TSocketIOClientState;
  /** Emits with an acknowledgement; `onAnswer` is called at most once, and never after `timeoutMs`. Undefined: not emitted. */
  ask(
    event: string,
    args: readonly [IRoomsRequest],
    timeoutMs: number,
    onAnswer: (answer: unknown) => void,
  ): (() => void) | undefined;
}

/** The granted and the refused rooms of a `join` or `leave`. */
interface SendOutcome {
  readonly granted: string[];
  readonly refused: IRefusedRoom[];
}

/** Requests rooms of the server. The promises always resolve, even if the server does not answer. */
export class Rooms {
  readonly #port: RoomsPort;
  readonly #timeoutMs: number;
  readonly #log: Log;
  /** How to refuse each request that the server has not answered. */
  readonly #pending = new Set<(code: TRoomErrorCode) => void>();
  readonly #wanted = new WantedRooms();

  constructor(port: RoomsPort, timeoutMs: number, log: Log) {
    this.#port = port;
    this.#timeoutMs = timeoutMs;
    this.#log = log;
  }

  async join(input: unknown): Promise<IJoinAnswer> {
    this.#warn('joinRooms', input);
    const fresh = this.#wanted.want(roomsIn(input));
    const answer = await this.#join(input);
    this.#wanted.heed(answer.refused, fresh);
    return answer;
  }

  async leave(input: unknown): Promise<ILeaveAnswer> {
    this.#warn('leaveRooms', input);
    this.#wanted.forget(roomsIn(input));
    const { granted, refused } = await this.#request(SocketIOConstants.EVENT_LEAVE, 'left', input);
    return { left: granted, refused };
  }

  /** Whether there are rooms that the program requested and has not left. */
  get wanted(): boolean {
    return !this.#wanted.isEmpty;
  }

  /** The server put this client out of rooms. Returns all of them. It requests those again that may be granted soon. */
  lost(payload: unknown): readonly IRefusedRoom[] {
    const { rooms } = fieldsOf(payload);
    const lost = isListOf(rooms, isRefusal) ? rooms : [];
    this.#wanted.heed(lost);
    return lost;
  }

  /** This client is another user now, or has signed out: it requests none of its rooms again. */
  forgetAll(): void {
    this.#wanted.clear();
  }

  /** Requests the wanted rooms again, or some of them. */
  async rejoin(some?: readonly string[]): Promise<IJoinAnswer> {
    const ask = (rooms: readonly string[]): Promise<IJoinAnswer> => this.#join({ rooms });
    const answer = await (some === undefined ? this.#wanted.ask(ask) : this.#wanted.askAgain(some, ask));
    this.#wanted.heed(answer.refused);
    return answer;
  }

  /** The refused rooms that may be granted soon. */
  passing(refused: readonly IRefusedRoom[]): readonly string[] {
    return this.#wanted.passing(refused);
  }

  /** The connection ended: requests over it can no longer get an answer. */
  connectionEnded(): void {
    for (const refuse of this.#pending) refuse('offline');
  }

  /** A promise that never rejects is often not looked at, so a wrong call is logged too. */
  #warn(method: Method, input: unknown): void {
    const { rooms } = fieldsOf(input);
    const at = Array.isArray(rooms) ? rooms.findIndex((room) => !isString(room)) : undefined;
    let error = notOneObject(method, input);
    if (at === undefined) error ??= wrongCall(method, 'rooms', 'an array of names', rooms);
    else if (at >= 0) error ??= wrongCall(method, `rooms[${at}]`, 'a name', fieldsOf(rooms)[at]);
    if (error !== undefined) this.#log.write('warn', error.message);
  }

  async #join(input: unknown): Promise<IJoinAnswer> {
    const { granted, refused } = await this.#request(SocketIOConstants.EVENT_JOIN, 'joined', input);
    return { joined: granted, refused };
  }

  async #request(event: string, grantedKey: string, input: unknown): Promise<SendOutcome> {
    // No limit here, because the server decides how many rooms a request may name.
    const parsed = parseRoomsRequest(input, Number.POSITIVE_INFINITY);
    if ('refusal' in parsed) return { granted: [], refused: [parsed.refusal] };
    const rooms = [...parsed.rooms];
    if (!this.#port.connected) return refuseAll(rooms, 'offline');
    if (this.#port.state !== SocketIOClientStates.AUTHENTICATED) return refuseAll(rooms, 'unauthenticated');
    const outcome = await this.#ask(event, grantedKey, rooms);
    this.#log.write('debug', `${event}: granted: ${outcome.granted.length}, refused: ${outcome.refused.length}`);
    return outcome;
  }

  #ask(event: string, grantedKey: string, rooms: string[]): Promise<SendOutcome> {
    return new Promise((resolve) => {
      const settle = (outcome: SendOutcome): void => {
        clearTimeout(timer);
        this.#pending.delete(refuse);
        resolve(outcome);
      };
      const refuse = (code: TRoomErrorCode): void => settle(refuseAll(rooms, code));
      const timer = setTimeout(refuse, this.#timeoutMs, 'timeout');
      this.#pending.add(refuse);
      try {
        const onAnswer = (answer: unknown): void => settle(readAnswer(answer, grantedKey, rooms));
        if (!this.#port.ask(event, [{ rooms }], this.#timeoutMs, onAnswer)) refuse('offline');
      } catch (error) {
        // Outgoing listeners of the program run within the call, and may throw.
        refuse('offline');
        void this.#log.run(`emitting "${event}"`, () => Promise.reject(error));
      }
    });
  }
}

/** The rooms of a request; none if it is malformed. */
function roomsIn(input: unknown): readonly string[] {
  const parsed = parseRoomsRequest(input, Number.POSITIVE_INFINITY);
  return 'rooms' in parsed ? parsed.rooms : [];
}

function refuseAll(rooms: readonly string[], code: TRoomErrorCode, message?: string): SendOutcome {
  return { granted: [], refused: rooms.map((room) => refuseRoom(room, code, message)) };
}

/** Reads an acknowledgement with checks, because a foreign server may send anything. */
function readAnswer(answer: unknown, grantedKey: string, rooms: readonly string[]): SendOutcome {
  const { [grantedKey]: granted, refused } = fieldsOf(answer);
  if (isListOf(granted, isString) && isListOf(refused, isRefusal)) return { granted, refused };
  return refuseAll(rooms, 'timeout', 'The answer of the server does not list the granted rooms.');
}

function isListOf<T>(value: unknown, isOne: (entry: unknown) => entry is T): value is T[] {
  return Array.isArray(value) && value.every(isOne);
}

function isString(value: unknown): value is string {
  return typeof value === 'string';
}

function isRefusal(value: unknown): value is IRefusedRoom {
  const { room, code, message } = fieldsOf(value);
  return isString(room) && isString(code) && isString(message);
}
