import type { Packet } from 'socket.io-parser';
import type { KnownIdentity } from '../ports/identity.js';
import type { IOSocket, ISocketIOClient } from '../ports/socket.js';
import type { ILimits } from '../protocol/limits.js';
import { isLegalMove, SocketIOClientStates, type TSocketIOClientState } from '../protocol/states.js';
import { EarlyEvents } from './early-events.js';
import { RoomWork } from './room-work.js';

/** The time in which a connection has to authenticate, and the one attempt that it has. */
export interface Deadline {
  readonly timer: NodeJS.Timeout;
  /** Whether this connection has used its one `authenticate`. */
  claimed: boolean;
  /** Whether the connection ever joined the guarded namespace, `/`. */
  used: boolean;
  /** The session to end when the time has passed; undefined while the connection has none. */
  session: Session | undefined;
}

/** Shared by all clients that authenticated in time, so that their own deadlines are freed. Its timer is cleared. */
let met: Deadline | undefined;
function metDeadline(): Deadline {
  if (met === undefined) {
    const timer = setTimeout(() => {}, 0);
    clearTimeout(timer);
    met = { timer, claimed: true, used: true, session: undefined };
  }
  return met;
}

/** One client: its state, which only this class changes, and its end, which happens once. */
export class Session implements ISocketIOClient {
  readonly id: string;
  readonly socket: IOSocket;
  #isLeaving = false;
  #roomWork: RoomWork | undefined;
  #early: EarlyEvents | undefined;
  #state: TSocketIOClientState = SocketIOClientStates.UNAUTHORIZED;
  #ended = false;
  #deadline: Deadline;
  #identity: KnownIdentity | undefined;
  #admittedAt = 0;
  #withheld: Set<string> | undefined;
  /** Undefined unless something waits for the end: an empty set would take memory of each client. */
  #atEnd: Set<() => void> | undefined;

  constructor(socket: IOSocket, deadline: Deadline) {
    this.id = socket.id;
    this.socket = socket;
    this.#deadline = deadline;
    deadline.session = this;
    deadline.used = true;
  }

  /** The client authenticated in time. `Deadlines`, which owns the timer, has cleared it. */
  meetDeadline(): void {
    if (this.#deadline.session === this) this.#deadline.session = undefined;
    this.#deadline = metDeadline();
  }

  /** The client's pending requests about rooms. */
  get roomWork(): RoomWork {
    this.#roomWork ??= new RoomWork();
    return this.#roomWork;
  }

  /** The client asked to leave this room, or the program removed the client from it. Pending joins of this room are not granted. */
  takeBack(room: string): void {
    if (!this.#isLeaving) this.#roomWork?.takeBack(room);
  }

  /** The client is not in this room. */
  left(room: string): void {
    this.#roomWork?.left(room);
    this.takeBack(room);
  }

  /** From now on no verdict of a guard that was asked before counts, for this room or for all. */
  outdate(room: string | undefined): void {
    this.#roomWork?.outdate(room);
  }

  /** The rooms that the client is in because a guard granted them: all, or the given one. */
  guardedRooms(room: string | undefined): readonly string[] {
    if (this.#roomWork === undefined) return [];
    if (room === undefined) return [...this.#roomWork.guarded];
    return this.#roomWork.isGuarded(room) ? [room] : [];
  }

  /** Since when and until when the client is in a room that a guard granted; undefined for any other room. */
  grantOf(room: string): ReturnType<RoomWork['grantOf']> {
    return this.#roomWork?.grantOf(room);
  }

  /**
   * Runs the client's own `leave`. When the `leave` was received, it withdrew pending joins; later joins remain. `act` must leave the
   * rooms in this tick.
   */
  leave<T>(act: () => T): T {
    this.#isLeaving = true;
    try {
      return act();
    } finally {
      this.#isLeaving = false;
    }
  }

  /** Rooms that `clientConnectedFn`, which is running, may not add this client to; undefined if there are none. */
  get withheld(): ReadonlySet<string> | undefined {
    return this.#withheld;
  }

  /** The access to a room was withdrawn. What was decided before, and may add the client to that room, is void. */
  withhold(room: string): void {
    this.takeBack(room);
    if (this.#early === undefined) return;
    this.#withheld ??= new Set();
    this.#withheld.add(room);
  }

  /** A newer decision lets the client into these rooms. */
  allow(rooms: readonly string[]): void {
    for (const room of rooms) this.#withheld?.delete(room);
  }

  /** Events that arrived before the program's handlers; undefined unless `clientConnectedFn` is running. */
  get early(): EarlyEvents | undefined {
    return this.#early;
  }

  /** From now on events without a handler are held. */
  holdEarly(limits: ILimits): void {
    this.#early = new EarlyEvents(limits);
  }

  /** `clientConnectedFn` has settled. Returns the events that are still held, the oldest first. */
  takeEarly(): readonly Packet[] {
    const packets = this.#early?.take() ?? [];
    this.#early = undefined;
    this.#withheld = undefined;
    return packets;
  }

  get authenticateTimeout(): NodeJS.Timeout {
    return this.#deadline.timer;
  }

  /** Who the client is; undefined until it is authenticated, and if `authenticateFn` returned `true`. It stays after the end. */
  get identity(): KnownIdentity | undefined {
    return this.#identity;
  }

  /** When the program was asked first who the client is, by `performance.now()`; 0 without an identity. A renewal does not change it. */
  get admittedAt(): number {
    return this.#admittedAt;
  }

  /** The client was authenticated, or has renewed its credentials. `askedAt`: see `admittedAt`. */
  identify(identity: KnownIdentity, askedAt: number): void {
    if (this.#identity === undefined) this.#admittedAt = askedAt;
    this.#identity = identity;
  }

  get state(): TSocketIOClientState {
    return this.#state;
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** Whether events of this client reach the program. */
  get authenticated(): boolean {
    return this.#state === SocketIOClientStates.AUTHENTICATED;
  }

  /** Returns true the first time on its connection: `authenticate` is handled once there. */
  claimAuthenticate(): boolean {
    if (this.#deadline.claimed || this.#ended) return false;
    this.#deadline.claimed = true;
    return true;
  }

  /** Returns false if the session has ended, or may not change to this state. */
  moveTo(state: TSocketIOClientState): boolean {
    if (this.#ended || !isLegalMove(this.#state, state)) return false;
    this.#state = state;
    return true;
  }

  /** Calls `act` once the session has ended. */
  atEnd(act: () => void): void {
    this.#atEnd ??= new Set();
    this.#atEnd.add(act);
  }

  notAtEnd(act: () => void): void {
    this.#atEnd?.delete(act);
    if (this.#atEnd?.size === 0) this.#atEnd = undefined;
  }

  /** Returns true the first time. The session stays unauthorized from now on. */
  end(): boolean {
    if (this.#ended) return false;
    this.#ended = true;
    if (this.#deadline.session === this) this.#deadline.session = undefined;
    this.#state = SocketIOClientStates.UNAUTHORIZED;
    this.takeEarly();
    this.#roomWork?.end();
    for (const act of this.#atEnd ?? []) act();
    this.#atEnd = undefined;
    return true;
  }
}
