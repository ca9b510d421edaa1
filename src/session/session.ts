import type { Packet } from 'socket.io-parser';
import type { IOSocket, ISocketIOClient } from '../ports/socket.js';
import type { ILimits } from '../protocol/limits.js';
import { isLegalMove, SocketIOClientStates, type TSocketIOClientState } from '../protocol/states.js';
import { EarlyEvents } from './early-events.js';
import { RoomWork } from './room-work.js';

/** The time in which a connection has to authenticate, and the one attempt that it has. */
export interface Deadline {
  readonly timer: NodeJS.Timeout;
  /** Whether `authenticate` was heeded on this connection. */
  claimed: boolean;
  /** Whether the connection ever joined the namespace that is guarded. */
  used: boolean;
  /** The session to end when the time is over; undefined while the connection has none. */
  session: Session | undefined;
}

/** The deadline of all clients that met their own: its timer is cleared. */
let met: Deadline | undefined;
function metDeadline(): Deadline {
  if (met === undefined) {
    const timer = setTimeout(() => {}, 0);
    clearTimeout(timer);
    met = { timer, claimed: true, used: true, session: undefined };
  }
  return met;
}

/** One client: its state, and that it ends once. The only place where a state changes. */
export class Session implements ISocketIOClient {
  readonly id: string;
  readonly socket: IOSocket;
  #isLeaving = false;
  #roomWork: RoomWork | undefined;
  #early: EarlyEvents | undefined;
  #state: TSocketIOClientState = SocketIOClientStates.UNAUTHORIZED;
  #ended = false;
  #deadline: Deadline;

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

  /** The client asked to leave this room, or the program took it out: joins of it that are still pending are not granted. */
  takeBack(room: string): void {
    if (!this.#isLeaving) this.#roomWork?.takeBack(room);
  }

  /**
   * Carries out the client's own `leave`. It took pending joins back when it was received; joins that came after it stand.
   * `act` must leave its rooms in this tick.
   */
  leave<T>(act: () => T): T {
    this.#isLeaving = true;
    try {
      return act();
    } finally {
      this.#isLeaving = false;
    }
  }

  /** Events that came before the program's handlers; undefined where none are held. */
  get early(): EarlyEvents | undefined {
    return this.#early;
  }

  /** From here on events for which there is no handler are held. */
  holdEarly(limits: ILimits): void {
    this.#early = new EarlyEvents(limits);
  }

  /** The events that were held, the oldest first. From here on none are. */
  takeEarly(): readonly Packet[] {
    const packets = this.#early?.take() ?? [];
    this.#early = undefined;
    return packets;
  }

  get authenticateTimeout(): NodeJS.Timeout {
    return this.#deadline.timer;
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

  /** True the first time on its connection, as `authenticate` is heeded once there. */
  claimAuthenticate(): boolean {
    if (this.#deadline.claimed || this.#ended) return false;
    this.#deadline.claimed = true;
    return true;
  }

  /** False where the session ended meanwhile: a verdict that comes too late meets nobody. */
  moveTo(state: TSocketIOClientState): boolean {
    if (this.#ended || !isLegalMove(this.#state, state)) return false;
    this.#state = state;
    return true;
  }

  /** True the first time. From here on the session is unauthorized for good. */
  end(): boolean {
    if (this.#ended) return false;
    this.#ended = true;
    if (this.#deadline.session === this) this.#deadline.session = undefined;
    this.#state = SocketIOClientStates.UNAUTHORIZED;
    this.takeEarly();
    return true;
  }
}
