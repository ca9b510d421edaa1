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
import type { Log } from './log.js';
import { WantedRooms } from './wanted-rooms.js';

/** The part of the connection that rooms use. */
export interface RoomsPort {
  readonly connected: boolean;
  readonly state: TSocketIOClientState;
  /** Emits with an acknowledgement; `onAnswer` is called at most once, and never after `timeoutMs`. False: not emitted. */
  ask(event: string, request: IRoomsRequest, timeoutMs: number, onAnswer: (answer: unknown) => void): boolean;
}

/** What was granted, under either name, and what was not. */
interface SendOutcome {
  readonly granted: string[];
  readonly refused: IRefusedRoom[];
}

/** Asks the server for rooms. Whatever happens, the answer comes, and comes as a value. */
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
    const fresh = this.#wanted.want(roomsIn(input));
    const answer = await this.#join(input);
    this.#wanted.heed(answer.refused, fresh);
    return answer;
  }

  async leave(input: unknown): Promise<ILeaveAnswer> {
    this.#wanted.forget(roomsIn(input));
    const { granted, refused } = await this.#request(SocketIOConstants.EVENT_LEAVE, 'left', input);
    return { left: granted, refused };
  }

  /** Whether there are rooms that the program asked for and has not given back. */
  get wanted(): boolean {
    return !this.#wanted.isEmpty;
  }

  /** Asks again for the rooms that are wanted, or for some of them. */
  async rejoin(some?: readonly string[]): Promise<IJoinAnswer> {
    const ask = (rooms: readonly string[]): Promise<IJoinAnswer> => this.#join({ rooms });
    const answer = await (some === undefined ? this.#wanted.ask(ask) : this.#wanted.askAgain(some, ask));
    this.#wanted.heed(answer.refused);
    return answer;
  }

  /** Of what was refused, the rooms that may be granted soon. */
  passing(refused: readonly IRefusedRoom[]): readonly string[] {
    return this.#wanted.passing(refused);
  }

  /** The connection ended: no answer to what was asked over it can come any more. */
  connectionEnded(): void {
    for (const refuse of this.#pending) refuse('offline');
  }

  async #join(input: unknown): Promise<IJoinAnswer> {
    const { granted, refused } = await this.#request(SocketIOConstants.EVENT_JOIN, 'joined', input);
    return { joined: granted, refused };
  }

  async #request(event: string, grantedKey: string, input: unknown): Promise<SendOutcome> {
    // How many rooms one request may name is the server's to say.
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
        if (!this.#port.ask(event, { rooms }, this.#timeoutMs, onAnswer)) refuse('offline');
      } catch (error) {
        // Listeners of the program for outgoing events run within the call.
        refuse('offline');
        void this.#log.run(`emitting "${event}"`, () => Promise.reject(error));
      }
    });
  }
}

/** Of a request that makes no sense, none. */
function roomsIn(input: unknown): readonly string[] {
  const parsed = parseRoomsRequest(input, Number.POSITIVE_INFINITY);
  return 'rooms' in parsed ? parsed.rooms : [];
}

function refuseAll(rooms: readonly string[], code: TRoomErrorCode, message?: string): SendOutcome {
  return { granted: [], refused: rooms.map((room) => refuseRoom(room, code, message)) };
}

/** A server that isn't ours may acknowledge with anything. */
function readAnswer(answer: unknown, grantedKey: string, rooms: readonly string[]): SendOutcome {
  const { [grantedKey]: granted, refused } = fieldsOf(answer);
  if (isListOf(granted, isString) && isListOf(refused, isRefusal)) return { granted, refused };
  return refuseAll(rooms, 'timeout', 'The server did not say which rooms it granted.');
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
