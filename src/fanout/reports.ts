import type { HandlerFailed, MessageDropped, MessageSent } from '../observability/shared-reports.js';
import type { LogLines } from '../ports/reports.js';

type OwnReport =
  /**
   * An internal of a dependency differs from the expected one, so messages take Socket.IO's own path, at its cost. Nothing else
   * changes. Once for each instance and cause.
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
    (r) => `messages take Socket.IO's own path, which costs more CPU: did not find ${r.missing}; everything else works`,
  ],
};
