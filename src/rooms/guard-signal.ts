import { containListeners } from '../common/contained-signal.js';
import type { RoomgateError } from '../protocol/errors.js';
import type { Session } from '../session/session.js';

/** The `signal` of one call of `validateRoomFn`. It is made when the program reads it, because most programs do not. */
export class GuardSignal {
  readonly #session: Session;
  readonly #failed: (error: unknown) => void;
  #controller: AbortController | undefined;
  #reason: RoomgateError | undefined;

  /** `failed` gets the errors of its listeners. */
  constructor(session: Session, failed: (error: unknown) => void) {
    this.#session = session;
    this.#failed = failed;
  }

  get signal(): AbortSignal {
    if (this.#controller !== undefined) return this.#controller.signal;
    const controller = new AbortController();
    this.#controller = controller;
    containListeners(controller.signal, this.#failed);
    if (this.#reason === undefined) this.#session.roomWork.abortAtEnd(this);
    else controller.abort(this.#reason);
    return controller.signal;
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
