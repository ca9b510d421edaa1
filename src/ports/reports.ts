import type { ILogger } from '../common/types.js';

/** Each kind of report has its own `type`. */
export interface AnyReport {
  readonly type: string;
}

/** Receives every report of a feature. Never throws. */
export type Reporter<R extends AnyReport> = (report: R) => void;

/**
 * The level and the text of the log line of a report. Without a text no line is written. `requested`: the program requested this
 * line, so it is written at every level except `silent`.
 */
export type LogLine<R extends AnyReport> = readonly [
  level: keyof ILogger,
  text: (report: R) => string | undefined,
  requested?: 'requested',
];

/** A log line for each report of a union. The compiler rejects a table that lacks a report. */
export type LogLines<R extends AnyReport> = { readonly [T in R['type']]: LogLine<Extract<R, { type: T }>> };
