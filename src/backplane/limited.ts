import type { TReporter } from '../server/ports.js';
import { RefusedError } from './acl.js';
import type { TLimited } from './fence.js';

/** Without `PING`. A refusal is an answer too. */
export const UNPINGED = 'nothing is lost by it, but Redis notes each refusal in its ACL LOG';

/** Of each command and missing rule once: what Redis refuses it refuses for long, and it is asked often. */
export function createLimited(report: TReporter): TLimited {
  const told = new Set<string>();
  return (command, consequence, error) => {
    // Rules are few, as they name no rooms.
    const key = error instanceof RefusedError ? `${error.command} ${error.rule}` : command;
    if (told.has(key)) return;
    told.add(key);
    const refused = error instanceof RefusedError ? error.command : command;
    report({ type: 'backplane_limited', command: refused, consequence, error });
  };
}
