import { isWritten, lowestLevel } from '../common/log-level.js';
import { logLine } from '../common/log-text.js';
import { CONSOLE, writeSafely } from '../common/sink.js';
import type { ILogger, TLogLevel } from '../common/types.js';
import type { AnyReport, LogLine, LogLines, Reporter } from '../ports/reports.js';

/** The sink that writes each report to a logger, with its line from the table. Never throws. */
export function createLogReporter<R extends AnyReport>(
  lines: LogLines<R>,
  identifier: string,
  logger: ILogger | false = CONSOLE,
  logLevel?: TLogLevel,
): Reporter<R> {
  const lowest = lowestLevel(logLevel, logger);
  if (logger === false || lowest === 'silent') return () => {};
  const written = writtenLines(lines, lowest);
  const brake = new Brake();
  return (report) => {
    const line = written[report.type];
    if (line === undefined) return;
    const [level, text, requested] = line;
    writeSafely(logger, level, () => {
      const message = text(report);
      // A report without a text must not count as a line.
      if (message === undefined) return undefined;
      const withheld = level === 'debug' || requested ? 0 : brake.pass(report.type);
      if (withheld === undefined) return undefined;
      const more = withheld === 0 ? '' : ` (${withheld} more lines of this kind were withheld before this one)`;
      return `[roomgate] ${identifier}: ${logLine(`${message}${more}`)}`;
    });
  };
}

/** The lines that are written at this level. A report without a line costs one lookup, because clients cause reports at will. */
function writtenLines<R extends AnyReport>(
  lines: LogLines<R>,
  lowest: TLogLevel,
): Readonly<Record<string, LogLine<R> | undefined>> {
  const all = Object.entries<LogLine<AnyReport>>(lines as unknown as Record<string, LogLine<AnyReport>>);
  const written = all.filter(([, [level, , requested]]) => isWritten(level, lowest) || requested === 'requested');
  // The compiler can't see that the row of a type takes the report of that type.
  return Object.fromEntries(written) as Record<string, LogLine<R>>;
}

/**
 * Limits the lines of each kind in a time window, because clients cause them: a client that is refused again and again must not
 * fill a disk. Lines at `debug` are not limited, since they are off by default. Requested lines are not limited, since the program
 * causes them. The first line of a later window has the number of withheld lines.
 */
class Brake {
  static readonly #LINES = 20;
  static readonly #WINDOW_MS = 10_000;
  readonly #windows = new Map<string, { since: number; lines: number }>();

  /** Returns how many lines were withheld since the last one that passed; undefined if this one is withheld too. */
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
