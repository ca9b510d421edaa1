import { describe } from '../protocol/describe.js';
import type { ILogger } from '../protocol/types.js';

type TLevel = keyof ILogger;

/**
 * The default: warnings, errors, and what `doLog` asks for. The console's own methods are looked up at each call, so
 * that a program may replace them.
 */
const QUIET: ILogger = {
  debug() {},
  info: (message) => globalThis.console.info(message),
  warn: (message) => globalThis.console.warn(message),
  error: (message) => globalThis.console.error(message),
};

/** The one place where the client makes log lines. Nothing here throws. */
export class Log {
  readonly #identifier: string;
  readonly #sink: ILogger | false;

  constructor(identifier: string, sink: ILogger | false = QUIET) {
    this.#identifier = identifier;
    this.#sink = sink;
  }

  write(level: TLevel, text: string): void {
    if (this.#sink === QUIET && (level === 'debug' || level === 'info')) return;
    this.#send(level, text);
  }

  /** What the program asked to be told, so that the default does not keep it back. */
  writeAsked(text: string): void {
    this.#send('info', text);
  }

  #send(level: TLevel, text: string): void {
    if (this.#sink === false) return;
    // A logger that fails, be it later, has nowhere to say so, and must not take the program with it.
    try {
      const outcome: unknown = this.#sink[level](`[roomgate] ${this.#identifier}: ${text}`);
      if (outcome instanceof Object && 'then' in outcome) Promise.resolve(outcome).catch(() => {});
    } catch {}
  }

  /** Runs code of the program: at once, and whatever it throws or rejects with ends here. */
  async run(where: string, code: () => unknown): Promise<void> {
    try {
      await code();
    } catch (error) {
      this.write('error', `${where} failed: ${textOf(error)}`);
    }
  }
}

function textOf(error: unknown): string {
  if (!(error instanceof Error)) return `it threw ${describe(error)}`;
  return error.stack ?? error.message;
}
