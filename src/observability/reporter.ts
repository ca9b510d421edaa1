import { callSafely } from '../common/sink.js';
import type { ILogger, TLogLevel } from '../common/types.js';
import type { AnyReport, LogLines, Reporter } from '../ports/reports.js';
import { createLogReporter } from './logger.js';
import type { HandlerFailed } from './shared-reports.js';

export interface ReporterOptions<R extends AnyReport> {
  readonly lines: LogLines<R | HandlerFailed>;
  readonly identifier: string;
  readonly logger: ILogger | false | undefined;
  readonly logLevel?: TLogLevel | undefined;
  readonly onReport: ((report: R | HandlerFailed) => unknown) | undefined;
}

/** Passes each report to both sinks: the log, then the program's `onReport`. Never throws. */
export function createReporter<R extends AnyReport>(options: ReporterOptions<R>): Reporter<R | HandlerFailed> {
  const { lines, identifier, logger, logLevel, onReport } = options;
  const log = createLogReporter(lines, identifier, logger, logLevel);
  if (onReport === undefined) return log;
  let hasFailed = false;
  // Only to the log, because `onReport` would fail at this report too. Only once, because it may fail at each event of a client.
  const failed = (error: unknown): void => {
    if (hasFailed) return;
    hasFailed = true;
    log({ type: 'handler_failed', where: 'onReport', error });
  };
  return (report) => {
    log(report);
    callSafely(() => onReport(report), failed);
  };
}
