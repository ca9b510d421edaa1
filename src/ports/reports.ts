import type { ILogger } from '../common/types.js';

/** An object whose `type` says which report it is. */
export interface AnyReport {
  readonly type: string;
}

/** Takes every report of a feature. Never throws. */
export type Reporter<R extends AnyReport> = (report: R) => void;

/**
 * The level and the text of the log line of a report. `requested`: the program asked for this line, so the console shows it, although
 * it shows no other line below a warning.
 */
export type LogLine<R extends AnyReport> = readonly [
  level: keyof ILogger,
  text: (report: R) => string,
  requested?: 'requested',
];

/** A log line for each report of a union. The compiler refuses a table in which one is missing. */
export type LogLines<R extends AnyReport> = { readonly [T in R['type']]: LogLine<Extract<R, { type: T }>> };
