import { describe } from '../common/describe.js';
import { isWritten, lowestLevel } from '../common/log-level.js';
import { logLine } from '../common/log-text.js';
import { CONSOLE, writeSafely } from '../common/sink.js';
import type { ILogger, TLogLevel } from '../common/types.js';

type Level = keyof ILogger;

/** Writes all log lines of the client. Never throws. */
export class Log {
  readonly #identifier: string;
  readonly #sink: ILogger | false;
  readonly #lowest: TLogLevel;

  constructor(identifier: string, sink: ILogger | false = CONSOLE, level?: TLogLevel) {
    this.#identifier = identifier;
    this.#sink = sink;
    this.#lowest = lowestLevel(level, sink);
  }

  write(level: Level, text: string): void {
    if (isWritten(level, this.#lowest)) this.#send(level, text);
  }

  /** Writes a line that the program requested, at every level except `silent`. */
  writeAsked(text: string): void {
    if (this.#lowest !== 'silent') this.#send('info', text);
  }

  #send(level: Level, text: string): void {
    if (this.#sink !== false) writeSafely(this.#sink, level, () => `[roomgate] ${this.#identifier}: ${logLine(text)}`);
  }

  /** Runs code of the program immediately. Logs its errors and rejections. */
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
