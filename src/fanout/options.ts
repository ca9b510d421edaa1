import type { Connection } from '../ports/connection.js';
import type { Reporter } from '../ports/reports.js';
import type { FanoutReport } from './reports.js';

export interface FanoutOptions {
  /** Whether what one tick sends shares a write. */
  readonly coalesce: boolean;
  /** Bytes that may wait for one connection. */
  readonly mostBytes: number;
  /** Called once for a connection that more waits for; must not close it at once. */
  readonly tooSlow: (connection: Connection, waitingBytes: number) => void;
  readonly report: Reporter<FanoutReport>;
}
