import type { ILogger } from './types.js';

/**
 * Where log lines go by default: the console. The console's own methods are looked up at each call, so that a program may
 * replace them. Callers write no line below a warning to it unless the program requested that line.
 */
export const CONSOLE: ILogger = {
  debug() {},
  info: (message) => globalThis.console.info(message),
  warn: (message) => globalThis.console.warn(message),
  error: (message) => globalThis.console.error(message),
};

/**
 * Writes a line. Nothing can report that a logger failed, at once or by a rejection, so its errors are ignored. So are those of
 * `line`, for an error that can't be turned into text.
 */
export function writeSafely(logger: ILogger, level: keyof ILogger, line: () => string): void {
  callSafely(
    () => logger[level](line()),
    () => {},
  );
}

/** Calls at once, and never throws. `failed` gets the error, or the rejection of a returned promise. */
export function callSafely(call: () => unknown, failed: (error: unknown) => void): void {
  try {
    const outcome = call();
    if (outcome instanceof Object && 'then' in outcome) Promise.resolve(outcome).catch(failed);
  } catch (error) {
    failed(error);
  }
}
