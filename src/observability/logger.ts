import { logLine } from '../common/log-text.js';
import { CONSOLE, writeSafely } from '../common/sink.js';
import type { ILogger } from '../common/types.js';
import type { AnyReport, LogLine, LogLines, Reporter } from '../ports/reports.js';

/** Writes reports to a logger, each as the line that the table has for it. Never throws. */
export function createLogReporter<R extends AnyReport>(
  lines: LogLines<R>,
  identifier: string,
  logger: ILogger | false = CONSOLE,
): Reporter<R> {
  if (logger === false) return () => {};
  const brake = new Brake();
  return (report) => {
    // The row of a type takes the report of that type, which the compiler can't follow through a type parameter.
    const line = lines[report.type as R['type']] as LogLine<AnyReport> as LogLine<R>;
    // By index, which is faster than taking the row apart: what clients cause at will ends here.
    const level = line[0];
    if (logger === CONSOLE && (level === 'debug' || (level === 'info' && line[2] !== 'requested'))) return;
    const withheld = level === 'warn' || level === 'error' ? brake.pass(report.type) : 0;
    if (withheld === undefined) return;
    const more = withheld === 0 ? '' : ` (and ${withheld} more like it before)`;
    writeSafely(logger, level, () => `[roomgate] ${identifier}: ${logLine(`${line[1](report)}${more}`)}`);
  };
}

/**
 * A client that makes `authenticateFn` throw at will must not fill a disk: of each kind of warning and error so many
 * lines pass in a window, and the first of a later one says how many did not.
 */
class Brake {
  static readonly #LINES = 20;
  static readonly #WINDOW_MS = 10_000;
  readonly #windows = new Map<string, { since: number; lines: number }>();

  /** How many were withheld since the last that passed; undefined where this one is withheld too. */
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
