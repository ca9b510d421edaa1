import type { Reporter } from '../../ports/reports.js';
import { reportedError } from '../reported-error.js';
import type { ConnectionReport } from '../reports.js';
import { RefusedError } from './acl.js';

/** Reports that Redis refused a command, with the consequence, once for each command and missing rule. */
export type ReportOnce = (command: string, consequence: string, error: unknown) => void;

/** The consequence of a refused PING: the refusal still proves that Redis answers. */
export const UNPINGED = 'no function is lost, but Redis adds each refusal to its ACL LOG';

/** Only once, because the same refusal repeats with every attempt. */
export function createReportOnce(report: Reporter<ConnectionReport>): ReportOnce {
  const told = new Set<string>();
  return (command, consequence, error) => {
    // Rules name no rooms, so this set stays small.
    const key = error instanceof RefusedError ? `${error.command} ${error.rule}` : command;
    if (told.has(key)) return;
    told.add(key);
    const refused = error instanceof RefusedError ? error.command : command;
    report({ type: 'backplane_command_refused', command: refused, consequence, error: reportedError(error) });
  };
}
