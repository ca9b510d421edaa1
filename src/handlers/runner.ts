import type { Session } from '../session/session.js';
import { Call, type CallParts } from './call.js';
import type { HandlerRegistry } from './registry.js';

export interface RunnerParts extends CallParts {
  readonly registry: HandlerRegistry;
  /** Milliseconds after which a call is given up. */
  readonly timeoutMs: number;
  /** The most calls that run for one client. */
  readonly mostInFlight: number;
  /** Reads nothing from a client for that many milliseconds. */
  readonly delay: (session: Session, ms: number) => void;
}

/** The calls of one client that have not settled. It exists as long as there are any. */
interface ClientCalls {
  readonly running: Map<Call, NodeJS.Timeout>;
  /** Events that nobody waits for an answer to, while too many calls run. Once these are many, the client is read slowly. */
  readonly waiting: Call[];
  /** Calls that were given up and have not settled. */
  givenUp: number;
  readonly end: () => void;
}

/**
 * Most calls on an instance that were given up and have not settled. Nothing can end a function that never settles, so beyond this
 * number a client with such a call gets no further one.
 */
const MOST_GIVEN_UP = 10_000;

/** How long nothing is read from a client with many events that wait, in milliseconds. */
const READ_AGAIN_AFTER_MS = 1_000;

/** Calls the handlers of `handle()` for events of authenticated clients, within the limits of each client. */
export class HandlerRunner {
  readonly #parts: RunnerParts;
  readonly #calls = new Map<Session, ClientCalls>();
  #givenUp = 0;

  constructor(parts: RunnerParts) {
    this.#parts = parts;
  }

  /** Handles an event, as Socket.IO passes it to handlers, if its topic has a handler. Never throws. */
  run(session: Session, event: readonly unknown[]): void {
    const entry = this.#parts.registry.get(event[0]);
    if (entry === undefined) return;
    const call = new Call(session, entry, event, this.#parts);
    const retryAfter = entry.rate?.count(session.identity === undefined ? session.id : `user:${session.identity.user}`);
    if (retryAfter !== undefined && retryAfter > 0) call.refuse('rate_limited', { retryAfter });
    else if (!this.#isFull(session)) this.#begin(call);
    else if (call.isAsked) call.refuse('busy');
    else this.#hold(session, call);
  }

  /** A few events more come in each time that the client is read, until some calls are given up. */
  #hold(session: Session, call: Call): void {
    const { waiting } = this.#callsOf(session);
    waiting.push(call);
    if (waiting.length >= this.#parts.mostInFlight) this.#parts.delay(session, READ_AGAIN_AFTER_MS);
  }

  /** An event is not handled, because middleware of the program failed. It is answered if its topic has a handler. */
  refuseFailed(session: Session, event: readonly unknown[]): void {
    const entry = this.#parts.registry.get(event[0]);
    if (entry !== undefined) new Call(session, entry, event, this.#parts).refuseFailed();
  }

  /** An event is not handled, because middleware of the program passed this error to `next()`. It is answered if its topic has a handler. */
  refuseBy(session: Session, event: readonly unknown[], error: unknown): void {
    const entry = this.#parts.registry.get(event[0]);
    if (entry !== undefined) new Call(session, entry, event, this.#parts).refuseBy(error);
  }

  #isFull(session: Session): boolean {
    const calls = this.#calls.get(session);
    if (calls === undefined) return false;
    if (calls.running.size >= this.#parts.mostInFlight) return true;
    return calls.givenUp > 0 && this.#givenUp >= MOST_GIVEN_UP;
  }

  #begin(call: Call): void {
    const settled = call.start();
    if (settled === undefined) return;
    const { session } = call;
    const { timeoutMs } = this.#parts;
    const calls = this.#callsOf(session);
    const timer = setTimeout(() => this.#giveUp(call, calls), timeoutMs).unref();
    calls.running.set(call, timer);
    // The handler may have ended its own client.
    if (session.ended) calls.end();
    void settled.then(() => this.#settled(call, calls));
  }

  #callsOf(session: Session): ClientCalls {
    const known = this.#calls.get(session);
    if (known !== undefined) return known;
    const calls: ClientCalls = { running: new Map(), waiting: [], givenUp: 0, end: () => this.#end(session, calls) };
    this.#calls.set(session, calls);
    session.atEnd(calls.end);
    return calls;
  }

  #settled(call: Call, calls: ClientCalls): void {
    const timer = calls.running.get(call);
    if (timer === undefined) {
      calls.givenUp -= 1;
      this.#givenUp -= 1;
    } else {
      clearTimeout(timer);
      calls.running.delete(call);
    }
    this.#beginNext(calls);
    this.#forgetIfIdle(call.session, calls);
  }

  #giveUp(call: Call, calls: ClientCalls): void {
    calls.running.delete(call);
    calls.givenUp += 1;
    this.#givenUp += 1;
    call.giveUp(this.#parts.timeoutMs);
    this.#beginNext(calls);
  }

  #beginNext(calls: ClientCalls): void {
    while (calls.waiting.length > 0 && calls.running.size < this.#parts.mostInFlight) {
      const next = calls.waiting.shift();
      if (next !== undefined) this.#begin(next);
    }
  }

  /** The client has left: nothing waits for its calls anymore. */
  #end(session: Session, calls: ClientCalls): void {
    calls.waiting.length = 0;
    for (const [call, timer] of calls.running) {
      clearTimeout(timer);
      call.abandon();
    }
    if (this.#calls.get(session) === calls) this.#calls.delete(session);
  }

  #forgetIfIdle(session: Session, calls: ClientCalls): void {
    if (calls.running.size + calls.waiting.length + calls.givenUp > 0) return;
    if (this.#calls.get(session) === calls) this.#calls.delete(session);
    session.notAtEnd(calls.end);
  }
}
