import type { Reporter } from '../ports/reports.js';
import type { Wire } from '../ports/wire.js';
import type { FanoutReport } from './reports.js';

export interface FanoutOptions {
  /** Whether what one tick sends shares a write. */
  readonly coalesce: boolean;
  /** Bytes that may wait for one wire. */
  readonly mostBytes: number;
  /** Called once for a wire that more waits for; must not close it at once. */
  readonly tooSlow: (wire: Wire, waitingBytes: number) => void;
  readonly report: Reporter<FanoutReport>;
}
