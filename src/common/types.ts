/** A value, or a promise of it. */
export type ValueOrPromise<T> = T | Promise<T>;

/** Handles the payload of one event. Its errors and rejections are caught and reported. */
export type TSocketIOEventHandler<T = unknown> = (data: T) => ValueOrPromise<void>;

/** The lowest level of log lines that are written. `silent`: none. */
export type TLogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent';

/**
 * A logger: pino, `console`, or any object with the four usual methods. Each is called with one string.
 */
export interface ILogger {
  debug(message: string): void;
  info(message: string): void;
  warn(message: string): void;
  error(message: string): void;
}
