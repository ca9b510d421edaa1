import type { RoomgateError } from '../protocol/errors.js';
import type { Session } from '../session/session.js';

/** The `signal` of one call of `validateRoomFn`. It is made when the program reads it, because most programs do not. */
export class GuardSignal {
  readonly #session: Session;
  #controller: AbortController | undefined;
  #reason: RoomgateError | undefined;

  constructor(session: Session) {
    this.#session = session;
  }

  get signal(): AbortSignal {
    if (this.#controller !== undefined) return this.#controller.signal;
    this.#controller = new AbortController();
    if (this.#reason === undefined) this.#session.roomWork.abortAtEnd(this);
    else this.#controller.abort(this.#reason);
    return this.#controller.signal;
  }

  abort(reason: RoomgateError): void {
    this.#reason ??= reason;
    this.#controller?.abort(this.#reason);
  }

  /** The call has settled. */
  end(): void {
    if (this.#controller !== undefined) this.#session.roomWork.abortNot(this);
  }
}
