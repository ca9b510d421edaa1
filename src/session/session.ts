import type { IOSocket, ISocketIOClient } from '../ports/socket.js';
import { isLegalMove, SocketIOClientStates, type TSocketIOClientState } from '../protocol/states.js';
import type { EarlyEvents } from './early-events.js';
import type { RoomWork } from './room-work.js';

/** The time in which a connection has to authenticate, and the one attempt that it has. */
export interface Deadline {
  readonly timer: NodeJS.Timeout;
  /** Whether `authenticate` was heeded on this connection. */
  claimed: boolean;
  /** Whether the connection ever joined the namespace that is guarded. */
  used: boolean;
  /** Whom to tell when the time is over: the socket that is there, if any. */
  session: Session | undefined;
}

/** What stands for the deadline of a client that met its own: stopped, and one for all. */
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
  /** The rooms of each join that is still being decided; a `leave` takes them out again. */
  pendingJoins: Set<Set<string>> | undefined;
  /** While the client's own `leave` is carried out: it took its pending joins back when it was received. */
  isLeaving = false;
  /** What is pending of its requests about rooms; undefined before the first. */
  roomWork: RoomWork | undefined;
  /** What came before the program's handlers; undefined once they are there. */
  early: EarlyEvents | undefined;
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

  /** The deadline was met, and is stopped by whom it belongs to. */
  meetDeadline(): void {
    if (this.#deadline.session === this) this.#deadline.session = undefined;
    this.#deadline = metDeadline();
  }

  /** The program took the client out of a room: joins of it that are still pending are not granted. */
  takeBack(room: string): void {
    if (this.isLeaving) return;
    for (const pending of this.pendingJoins ?? []) pending.delete(room);
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
    this.early?.take();
    this.early = undefined;
    return true;
  }
}
