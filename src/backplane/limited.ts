import type { TReporter } from '../server/ports.js';
import type { TLimited } from './fence.js';

/** Of each command once: what Redis refuses it refuses for long, and it is asked often. */
export function createLimited(report: TReporter): TLimited {
  const told = new Set<string>();
  return (command, consequence, error) => {
    if (told.has(command)) return;
    told.add(command);
    report({ type: 'backplane_limited', command, consequence, error });
  };
}
