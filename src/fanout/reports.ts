import type { HandlerFailed, MessageDropped, MessageSent } from '../observability/shared-reports.js';
import type { LogLines } from '../ports/reports.js';

type OwnReport =
  /**
   * An internal of a dependency is not as expected, so messages take Socket.IO's own path, at its cost. Nothing else changes. Once
   * for each instance and cause.
   */
  {
    readonly type: 'fanout_fallback';
    /** The internal that was not found. */
    readonly missing: string;
  };

/** The reports of `fanout/`. */
export type FanoutReport = OwnReport | HandlerFailed | MessageSent | MessageDropped;

export const FANOUT_LINES: LogLines<OwnReport> = {
  fanout_fallback: [
    'warn',
    (r) => `messages go out in Socket.IO's own way, which costs more: ${r.missing} was not found`,
  ],
};
