import type { Reporter } from '../ports/reports.js';
import type { Wire } from '../ports/wire.js';
import type { FanoutReport } from './reports.js';

export interface FanoutOptions {
  /** Whether the messages of one tick share a write. */
  readonly coalesce: boolean;
  /** Unread bytes that one wire may have. */
  readonly mostBytes: number;
  /** Called once for a wire that has more. It must not close the wire in the same call. */
  readonly tooSlow: (wire: Wire, waitingBytes: number) => void;
  /** Ends each client whose access has expired. Called before messages that were queued earlier are sent. */
  readonly sweep?: () => void;
  readonly report: Reporter<FanoutReport>;
}
