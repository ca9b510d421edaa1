import { refuseOtherData } from '../common/other-data.js';
import { type RequestErrorCode, RoomgateError } from '../protocol/errors.js';
import { SocketIOClientStates } from '../protocol/states.js';
import { notOneObject } from './calls.js';
import type { PendingRequest } from './messages.js';
import type { Outbound, OutboundPort } from './outbound.js';
import { errorIn, RequestError } from './request-error.js';
import type { RoomsPort } from './rooms.js';
import { checkSignal, checkTimeout, reasonOf } from './waiting.js';

const DEFAULT_TIMEOUT_MS = 10_000;

export interface RequestArguments {
  topic?: unknown;
  data?: unknown;
  timeout?: unknown;
  signal?: unknown;
}

/** `request`: events whose acknowledgement the program awaits. Each settles within its timeout. */
export class Requests {
  readonly #outbound: Outbound;
  readonly #port: Pick<OutboundPort & RoomsPort, 'state' | 'status'>;
  readonly #pending = new Set<Pending>();

  constructor(outbound: Outbound, port: Pick<OutboundPort & RoomsPort, 'state' | 'status'>) {
    this.#outbound = outbound;
    this.#port = port;
  }

  /** Resolves with the acknowledgement. Rejects with a `RequestError`, or with the reason of the signal. */
  async request(opts: RequestArguments): Promise<unknown> {
    const { topic, data, timeout, signal } = checked(opts);
    if (signal?.aborted === true) throw reasonOf('request', signal);
    const pending = new Pending(String(topic), timeout ?? DEFAULT_TIMEOUT_MS);
    const timer = setTimeout(() => this.#expire(pending), pending.timeoutMs);
    const abort = (): void => pending.aborted(signal && reasonOf('request', signal));
    signal?.addEventListener('abort', abort);
    this.#pending.add(pending);
    try {
      this.#send(topic, data, pending);
      return await pending.answer;
    } finally {
      pending.forget();
      clearTimeout(timer);
      signal?.removeEventListener('abort', abort);
      this.#pending.delete(pending);
      this.#outbound.withdraw(pending);
    }
  }

  /** Requests that were sent can no longer get an answer. The queue keeps the others. */
  connectionEnded(): void {
    for (const pending of this.#pending) {
      if (!pending.isSent) continue;
      pending.fail('disconnected', 'got no answer, because the connection ended. The server may have handled it');
    }
  }

  /** Fails those that were sent. The queue fails the others. */
  shutDown(): void {
    for (const pending of this.#pending) {
      pending.fail('shut_down', 'got no answer, because this client was shut down. The server may have handled it');
    }
  }

  /** A call that throws rejects the same promise, which a listener of the program may have rejected already. */
  #send(topic: unknown, data: unknown, pending: Pending): void {
    try {
      this.#outbound.request(topic, data, pending);
    } catch (error) {
      pending.failed(error);
    }
  }

  #expire(pending: Pending): void {
    const { state, status } = this.#port;
    // Otherwise the server has dropped it.
    const mayHaveRun = pending.isSent && state === SocketIOClientStates.AUTHENTICATED;
    const why = !pending.isSent
      ? `it waited in the queue and was not sent; the status is "${status}"`
      : mayHaveRun
        ? 'the server did not answer. Check the topic; a handler of socket.on must call the acknowledgement'
        : `this client is not authenticated, so the server ignored it; the status is "${status}"`;
    pending.fail('timed_out', `timed out after ${pending.timeoutMs} ms: ${why}`, mayHaveRun);
  }
}

/** A request that has not settled. */
class Pending implements PendingRequest {
  readonly timeoutMs: number;
  readonly answer: Promise<unknown>;
  isSent = false;
  isSettled = false;
  /** Stops waiting for an answer. */
  forget: () => void = () => {};
  readonly #topic: string;
  readonly #endsAt: number;
  #resolve: (answer: unknown) => void = () => {};
  #reject: (error: unknown) => void = () => {};

  constructor(topic: string, timeoutMs: number) {
    this.timeoutMs = timeoutMs;
    this.#topic = topic;
    this.#endsAt = performance.now() + timeoutMs;
    this.answer = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  get remainingMs(): number {
    return Math.max(1, this.#endsAt - performance.now());
  }

  sent(forget: () => void): void {
    this.isSent = true;
    this.forget = forget;
  }

  queued(): void {
    this.isSent = false;
  }

  answered(answer: unknown): void {
    const error = errorIn(answer, `request("${this.#topic}")`);
    if (error !== undefined) this.aborted(error);
    else {
      this.isSettled = true;
      this.#resolve(answer);
    }
  }

  failed(error: unknown): void {
    this.aborted(asRequestError(error, this.isSent));
  }

  /** Rejects with the reason as it is. */
  aborted(reason: unknown): void {
    this.isSettled = true;
    this.#reject(reason);
  }

  fail(code: RequestErrorCode, why: string, mayHaveRun = this.isSent): void {
    this.aborted(new RequestError(code, `request("${this.#topic}") ${why}.`, { mayHaveRun }));
  }
}

interface Checked {
  readonly topic?: unknown;
  readonly data?: unknown;
  readonly timeout?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** @throws RequestError `invalid_argument` */
function checked(opts: RequestArguments): Checked {
  try {
    const error = notOneObject('request', opts);
    if (error !== undefined) throw error;
    refuseOtherData('request', '', opts);
    const { topic, data, timeout, signal } = opts;
    checkTimeout('request', timeout);
    checkSignal('request', signal);
    return { topic, data, timeout, signal };
  } catch (error) {
    throw asRequestError(error, false);
  }
}

/** The same error, with whether the server's handler may have run. */
function asRequestError(error: unknown, mayHaveRun: boolean): unknown {
  if (!(error instanceof RoomgateError)) return error;
  const { code, message, cause } = error;
  return new RequestError(code, message, { mayHaveRun, cause });
}
