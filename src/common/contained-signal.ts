import { hasMethods } from './checks.js';
import { callSafely } from './sink.js';

type Listener = Parameters<AbortSignal['addEventListener']>[1];
type Contained = (this: unknown, event: Event) => unknown;

/**
 * What the listeners of a signal throw, or reject with, goes to `failed`. Otherwise it would end the process: Node.js raises it as an
 * uncaught exception. Call this before the program has the signal.
 */
export function containListeners(signal: AbortSignal, failed: (error: unknown) => void): void {
  const known = new WeakMap<object, Contained>();
  const contained = (listener: Listener): Listener => {
    const call = callOf(listener);
    if (call === undefined) return listener;
    const made: Contained =
      known.get(listener) ??
      function (event) {
        callSafely(() => call.call(this, event), failed);
      };
    known.set(listener, made);
    return made;
  };
  const { addEventListener, removeEventListener } = signal;
  let onAbort: Contained | null = null;
  const callOnAbort = (event: Event): unknown => onAbort?.call(signal, event);
  Object.defineProperties(signal, {
    addEventListener: {
      value: (type: string, listener: Listener, options?: object | boolean) =>
        addEventListener.call(signal, type as 'abort', contained(listener), options),
    },
    removeEventListener: {
      value: (type: string, listener: Listener, options?: object | boolean) =>
        removeEventListener.call(signal, type as 'abort', contained(listener), options),
    },
    onabort: {
      get: () => onAbort,
      set: (listener: unknown) => {
        onAbort = typeof listener === 'function' ? (listener as Contained) : null;
        // As the platform does: at its first value, and only once.
        signal.addEventListener('abort', callOnAbort);
      },
    },
  });
}

/** Undefined for what the platform refuses itself. */
function callOf(listener: unknown): ((this: unknown, event: Event) => unknown) | undefined {
  if (typeof listener === 'function') return listener as (event: Event) => unknown;
  // Its method is looked up at each call.
  return hasMethods(listener, ['handleEvent'])
    ? (event) => (listener as { handleEvent(event: Event): unknown }).handleEvent(event)
    : undefined;
}
