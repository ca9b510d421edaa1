import type { ILogger } from './types.js';

/**
 * The default logger: the console. Its methods are looked up at each call, so that a program may replace them.
 */
export const CONSOLE: ILogger = {
  debug: (message) => globalThis.console.debug(message),
  info: (message) => globalThis.console.info(message),
  warn: (message) => globalThis.console.warn(message),
  error: (message) => globalThis.console.error(message),
};

/**
 * Writes a line, unless `line` returns undefined. Ignores errors and rejections of the logger, because no other place can report
 * them. Ignores errors of `line` too, because an error of the program may have no text.
 */
export function writeSafely(logger: ILogger, level: keyof ILogger, line: () => string | undefined): void {
  callSafely(
    () => {
      const text = line();
      return text === undefined ? undefined : logger[level](text);
    },
    () => {},
  );
}

/** Calls `call` immediately, and never throws. `failed` gets its error, or the rejection of the promise that it returns. */
export function callSafely(call: () => unknown, failed: (error: unknown) => void): void {
  try {
    const outcome = call();
    if (outcome instanceof Object && 'then' in outcome) Promise.resolve(outcome).catch(failed);
  } catch (error) {
    failed(error);
  }
}
