import { types } from 'node:util';

/** Code of the program that threw or rejected. */
export interface Failure {
  readonly where: string;
  /** The id of the socket; left out if it belongs to none. */
  readonly client?: string;
  /** The topic of the event, if it was a listener of one event. */
  readonly topic?: string;
  readonly error: unknown;
}

export type Listener = (...args: unknown[]) => unknown;
export type Failed = (error: unknown) => void;

/** Returns whether there is a listener. `listeners`: a copy, because one of them may remove another, which is still called, as in Socket.IO. */
export function callAll(
  listeners: readonly unknown[],
  self: object,
  args: readonly unknown[],
  failed: Failed,
): boolean {
  for (const listener of listeners) call(listener as Listener, self, args, failed);
  return listeners.length > 0;
}

/** Calls a function of the program. Never throws. */
export function call(listener: Listener, self: object | undefined, args: readonly unknown[], failed: Failed): void {
  try {
    const outcome = listener.call(self, ...args);
    // Other objects with `then`, such as queries of a database, may only begin their work when that is called.
    if (typeof outcome === 'object' && types.isPromise(outcome)) {
      Promise.prototype.then.call(outcome, undefined, failed);
    }
  } catch (error) {
    failed(error);
  }
}
