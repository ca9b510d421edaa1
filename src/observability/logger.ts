import { logLine } from '../common/log-text.js';
import { CONSOLE, writeSafely } from '../common/sink.js';
import type { ILogger } from '../common/types.js';
import type { AnyReport, LogLine, LogLines, Reporter } from '../ports/reports.js';

/** The sink that writes each report to a logger, with its line from the table. Never throws. */
export function createLogReporter<R extends AnyReport>(
  lines: LogLines<R>,
  identifier: string,
  logger: ILogger | false = CONSOLE,
): Reporter<R> {
  if (logger === false) return () => {};
  const brake = new Brake();
  return (report) => {
    // The compiler can't see through a type parameter that the row of a type takes the report of that type.
    const line = lines[report.type as R['type']] as LogLine<AnyReport> as LogLine<R>;
    // By index, which is faster than destructuring: clients can cause this at will.
    const level = line[0];
    if (logger === CONSOLE && (level === 'debug' || (level === 'info' && line[2] !== 'requested'))) return;
    const withheld = level === 'warn' || level === 'error' ? brake.pass(report.type) : 0;
    if (withheld === undefined) return;
    const more = withheld === 0 ? '' : ` (and ${withheld} more like it before)`;
    writeSafely(logger, level, () => `[roomgate] ${identifier}: ${logLine(`${line[1](report)}${more}`)}`);
  };
}

/**
 * Limits the lines of each kind of warning and error in a time window, because a client that makes `authenticateFn` throw at
 * will must not fill a disk. The first line of a later window says how many were withheld.
 */
class Brake {
  static readonly #LINES = 20;
  static readonly #WINDOW_MS = 10_000;
  readonly #windows = new Map<string, { since: number; lines: number }>();

  /** Returns how many were withheld since the last one that passed; undefined if this one is withheld too. */
  pass(kind: string): number | undefined {
    const now = performance.now();
    const window = this.#windows.get(kind);
    if (window === undefined || now - window.since > Brake.#WINDOW_MS) {
      this.#windows.set(kind, { since: now, lines: 1 });
      return Math.max(0, (window?.lines ?? 0) - Brake.#LINES);
    }
    window.lines += 1;
    return window.lines > Brake.#LINES ? undefined : 0;
  }
}
