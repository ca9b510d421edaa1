import { canWrite, describeLine } from '../line.js';
import { membershipOf, type State, targetOf } from '../state.js';

/** Why nothing can be written here at the moment, and what helps. */
export interface Blocked {
  readonly reason: string;
  readonly action?: 'join';
}

export function blocked(state: State, title: string): Blocked | undefined {
  if (!canWrite(state)) {
    const { label, detail = '' } = describeLine(state);
    return { reason: `${label}. ${detail}` };
  }
  const { kind, name } = targetOf(state.open);
  if (kind === 'person') return undefined;
  const { state: membership, reason } = membershipOf(state, name);
  if (membership === 'in') return undefined;
  if (membership === 'asking') return { reason: `Joining ${title}…` };
  if (membership === 'refused') return { reason: reason ?? `${title} is not open to you.` };
  return { reason: reason ?? `You are not in ${title}.`, action: 'join' };
}
