import { containListeners } from '../common/contained-signal.js';
import { describe } from '../common/describe.js';
import { fixForEmptied } from '../common/emptied.js';
import { isPromiseLike } from '../common/is-promise-like.js';
import { callSafely } from '../common/sink.js';
import { whyUnsendable } from '../common/why-unsendable.js';
import type { Reporter } from '../ports/reports.js';
import { type AnswerErrorCode, RoomgateError } from '../protocol/errors.js';
import type { Session } from '../session/session.js';
import { type Acknowledge, answerError, type ErrorDetails } from './answers.js';
import { isClientError, readClientError } from './client-error.js';
import type { Entry } from './entry.js';
import type { HandlersReport } from './reports.js';
import { type Issue, type Validated, validate } from './schemas.js';

export interface CallParts {
  /** Ends clients whose access has expired, and takes them out of rooms for which it has. */
  readonly sweep: () => void;
  readonly report: Reporter<HandlersReport>;
}

type Thrown = Parameters<typeof readClientError>[0];

/** Before the handler was called, the client left or the call was given up. */
const GONE = Symbol('gone');

/** Why the handler was not called. */
class Refused {
  constructor(
    readonly code: AnswerErrorCode,
    readonly issues?: readonly Issue[],
  ) {}
}

const NOTHING: readonly unknown[] = [];
const TOO_MANY_ARGUMENTS: readonly Issue[] = [{ path: '', code: 'too_many_arguments' }];

/** One event for a handler: checks it, calls the handler, and answers. Nothing that the program's code does throws out of it. */
export class Call {
  readonly session: Session;
  readonly #entry: Entry;
  readonly #parts: CallParts;
  #payload: readonly unknown[];
  readonly #acknowledge: Acknowledge | undefined;
  #controller: AbortController | undefined;
  /** Why the call ended before its handler settled. */
  #over: RoomgateError | undefined;

  /** `event`: as Socket.IO passes it, with the topic first, and the acknowledgement last. */
  constructor(session: Session, entry: Entry, event: readonly unknown[], parts: CallParts) {
    const last = event.at(-1);
    this.session = session;
    this.#entry = entry;
    this.#parts = parts;
    this.#acknowledge = typeof last === 'function' ? (last as Acknowledge) : undefined;
    this.#payload = this.#acknowledge === undefined ? event.slice(1) : event.slice(1, -1);
  }

  /** Whether the client waits for an answer. */
  get isAsked(): boolean {
    return this.#acknowledge !== undefined;
  }

  get topic(): string {
    return this.#entry.topic;
  }

  /** Returns a promise that resolves once everything has settled, or undefined if it has. */
  start(): Promise<void> | undefined {
    try {
      const outcome = this.#run();
      if (isPromiseLike(outcome)) {
        return Promise.resolve(outcome).then(
          (result) => this.#finish(result),
          (error: unknown) => this.#fail(error),
        );
      }
      this.#finish(outcome);
    } catch (error) {
      this.#fail(error);
    }
    return undefined;
  }

  /** The event is not handled. */
  refuse(code: AnswerErrorCode, more?: ErrorDetails): void {
    this.#parts.report({ type: 'event_refused', client: this.session.id, topic: this.topic, code });
    this.#answerError(code, more);
  }

  /** The event is not handled, because other code of the program failed. */
  refuseFailed(): void {
    this.#answerError('internal');
  }

  /** The event is not handled, because middleware of the program decided so. A report only if the program does not hear of it. */
  refuseBy(error: unknown): void {
    if (isClientError(error)) this.#answerClientError(error, undefined, 'a middleware of socket.use()');
    // Socket.IO itself adds one listener, which does nothing.
    else if (this.session.socket.listenerCount('error') > 1) this.#answerError('internal');
    else this.refuse('internal');
  }

  /** The handler takes too long. Its result is ignored from now on. */
  giveUp(afterMs: number): void {
    const { session, topic } = this;
    this.#parts.report({ type: 'handler_unanswered', client: session.id, topic, afterMs });
    this.#answerError('timed_out');
    this.#end(new RoomgateError('timed_out', `The handler of "${topic}" has not settled within ${afterMs} ms.`));
  }

  /** The client has left. */
  abandon(): void {
    this.#end(new RoomgateError('disconnected', 'The client has left.'));
  }

  get #isGone(): boolean {
    return this.#over !== undefined || this.session.ended;
  }

  #run(): unknown {
    const { input } = this.#entry;
    const { length, 0: data } = this.#payload;
    // The handler may never settle, and then this call stays. The payload need not.
    this.#payload = NOTHING;
    if (length > 1) return new Refused('invalid', TOO_MANY_ARGUMENTS);
    if (input === undefined) return this.#handle(data);
    const checked = validate(input, data);
    if (!isPromiseLike(checked)) return this.#handleChecked(checked);
    return checked.then((it) => {
      // The access may have expired meanwhile.
      this.#parts.sweep();
      return this.#isGone ? GONE : this.#handleChecked(it);
    });
  }

  #handleChecked(checked: Validated): unknown {
    return 'issues' in checked ? new Refused('invalid', checked.issues) : this.#handle(checked.value);
  }

  #handle(data: unknown): unknown {
    const { memberOf, handler, output } = this.#entry;
    const { socket, identity } = this.session;
    if (memberOf !== undefined && !this.#isIn(memberOf(data))) return this.#isGone ? GONE : new Refused('not_in_room');
    const signal = (): AbortSignal => this.#readSignal();
    const result = handler({
      data,
      socket,
      identity,
      get signal() {
        return signal();
      },
    });
    if (output === undefined) return result;
    return isPromiseLike(result) ? Promise.resolve(result).then((it) => this.#checked(it)) : this.#checked(result);
  }

  #isIn(room: unknown): boolean {
    if (typeof room !== 'string') {
      // It may be asynchronous by mistake, and reject.
      callSafely(
        () => room,
        () => {},
      );
      throw this.#wrong(`memberOf must return the name of a room, and returned ${describe(room)}`);
    }
    this.#parts.sweep();
    return !this.session.ended && this.session.socket.rooms.has(room);
  }

  /** The result as the schema `output` returns it. */
  #checked(result: unknown): unknown {
    const { output } = this.#entry;
    if (output === undefined) return result;
    const checked = validate(output, result);
    return isPromiseLike(checked) ? checked.then((it) => this.#resultIn(it)) : this.#resultIn(checked);
  }

  #resultIn(checked: Validated): unknown {
    if (!('issues' in checked)) return checked.value;
    const places = checked.issues.map(({ path, code }) => `${path === '' ? 'the result' : path} (${code})`);
    throw this.#wrong(`the schema "output" refused the result of the handler: ${places.join(', ')}`);
  }

  /** It is made when the program reads it, because most handlers do not. */
  #readSignal(): AbortSignal {
    if (this.#controller !== undefined) return this.#controller.signal;
    const controller = new AbortController();
    this.#controller = controller;
    containListeners(controller.signal, (error) => this.#report(`a listener of the signal of "${this.topic}"`, error));
    if (this.#over !== undefined) controller.abort(this.#over);
    return controller.signal;
  }

  #end(reason: RoomgateError): void {
    if (this.#over !== undefined) return;
    this.#over = reason;
    this.#controller?.abort(reason);
  }

  #finish(result: unknown): void {
    if (result === GONE || this.#isGone) return;
    if (result instanceof Refused) {
      this.refuse(result.code, result.issues === undefined ? {} : { issues: result.issues });
      return;
    }
    if (this.#acknowledge === undefined) return;
    const lost = lostResult(result);
    if (lost !== undefined) {
      this.#fail(this.#wrong(`the result of the handler is ${lost}`));
      return;
    }
    try {
      if (result === undefined) this.#acknowledge();
      else this.#acknowledge(result);
    } catch (cause) {
      const reason = whyUnsendable(result, 'result') ?? 'Socket.IO could not encode it';
      const text = `handle("${this.topic}"): the result of the handler can't be sent: ${reason}.`;
      this.#fail(new RoomgateError('invalid_argument', text, { cause }));
    }
  }

  #fail(error: unknown): void {
    if (!isClientError(error)) this.#failInternally(error);
    else if (!this.#isGone) this.#answerClientError(error, this.#entry.errors, this.#name);
  }

  /** `where`: which code of the program made the error. */
  #answerClientError(error: Thrown, allowed: ReadonlySet<string> | undefined, where: string): void {
    try {
      const { code, ...more } = readClientError(error, allowed);
      this.#answerError(code, more);
    } catch (wrong) {
      this.#failInternally(wrong, where);
    }
  }

  get #name(): string {
    return `the handler of "${this.topic}"`;
  }

  #failInternally(error: unknown, where = this.#name): void {
    if (!this.#isOfSignal(error)) this.#report(where, error);
    this.#answerError('internal');
  }

  #report(where: string, error: unknown): void {
    const { session, topic } = this;
    this.#parts.report({ type: 'handler_failed', where, client: session.id, topic, error });
  }

  /** Whether the handler stopped because its signal told it so. */
  #isOfSignal(error: unknown): boolean {
    if (this.#controller?.signal.aborted !== true) return false;
    return error === this.#over || nameOf(error) === 'AbortError';
  }

  #answerError(code: string, more?: ErrorDetails): void {
    if (this.#acknowledge !== undefined && !this.#isGone) answerError(this.#acknowledge, code, more);
  }

  #wrong(text: string): RoomgateError {
    return new RoomgateError('invalid_argument', `handle("${this.topic}"): ${text}.`);
  }
}

/** Describes a result of which the client would receive `{}` or `null`. Undefined for any other. */
function lostResult(result: unknown): string | undefined {
  if (typeof result === 'function' || typeof result === 'symbol')
    return `${describe(result)}, which JSON can't represent`;
  try {
    const fix = fixForEmptied(result);
    return fix === undefined ? undefined : `${describe(result)}, which JSON can't represent. ${fix.replace(/\.$/, '')}`;
  } catch {
    // It can't be read. If it can't be encoded either, Socket.IO says so.
    return undefined;
  }
}

/** Undefined if it is no error, or if its name can't be read. */
function nameOf(error: unknown): unknown {
  try {
    return error instanceof Error ? error.name : undefined;
  } catch {
    return undefined;
  }
}
