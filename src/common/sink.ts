import type { ILogger } from './types.js';

/**
 * Where log lines go by default: the console. The console's own methods are looked up at each call, so that a program may
 * replace them. Whoever writes keeps back what is below a warning and was not asked for.
 */
export const CONSOLE: ILogger = {
  debug() {},
  info: (message) => globalThis.console.info(message),
  warn: (message) => globalThis.console.warn(message),
  error: (message) => globalThis.console.error(message),
};

/**
 * Writes a line. A logger that fails, be it later, has nowhere to say so and must not take the program with it, and neither
 * must an error that can't be put into words.
 */
export function writeSafely(logger: ILogger, level: keyof ILogger, line: () => string): void {
  callSafely(
    () => logger[level](line()),
    () => {},
  );
}

/** Calls at once, and never throws. `failed` gets what was thrown, or what a returned promise rejects with. */
export function callSafely(call: () => unknown, failed: (error: unknown) => void): void {
  try {
    const outcome = call();
    if (outcome instanceof Object && 'then' in outcome) Promise.resolve(outcome).catch(failed);
  } catch (error) {
    failed(error);
  }
}
