import { describe } from '../common/describe.js';
import { logLine } from '../common/log-text.js';
import { CONSOLE, writeSafely } from '../common/sink.js';
import type { ILogger } from '../common/types.js';

type Level = keyof ILogger;

/** Writes all log lines of the client. Never throws. */
export class Log {
  readonly #identifier: string;
  readonly #sink: ILogger | false;

  constructor(identifier: string, sink: ILogger | false = CONSOLE) {
    this.#identifier = identifier;
    this.#sink = sink;
  }

  write(level: Level, text: string): void {
    if (this.#sink === CONSOLE && (level === 'debug' || level === 'info')) return;
    this.#send(level, text);
  }

  /** Writes a line that the program requested, so the default logger shows it too. */
  writeAsked(text: string): void {
    this.#send('info', text);
  }

  #send(level: Level, text: string): void {
    if (this.#sink !== false) writeSafely(this.#sink, level, () => `[roomgate] ${this.#identifier}: ${logLine(text)}`);
  }

  /** Runs code of the program at once. Its errors and rejections are logged. */
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
