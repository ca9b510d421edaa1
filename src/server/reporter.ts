import { createReporter } from '../observability/reporter.js';
import type { Reporter } from '../ports/reports.js';
import { LINES, type Report } from './reports.js';
import type { ResolvedOptions } from './resolve-options.js';

/** Reporters by the options of a helper: a component reports before its helper exists, and both share one reporter. */
const reporters = new WeakMap<object, Reporter<Report>>();

/** A helper that is made with `options` uses this reporter from now on. */
export function shareReporter(options: object, reporter: Reporter<Report>): void {
  reporters.set(options, reporter);
}

/** The reporter of a helper that is made with `options`. */
export function reporterOf(options: object, resolved: ReporterInput): Reporter<Report> {
  return reporters.get(options) ?? newReporter(resolved);
}

type ReporterInput = Pick<ResolvedOptions, 'identifier' | 'logger' | 'logLevel' | 'onReport'>;

export function newReporter({ identifier, logger, logLevel, onReport }: ReporterInput): Reporter<Report> {
  return createReporter<Report>({ lines: LINES, identifier, logger, logLevel, onReport });
}
