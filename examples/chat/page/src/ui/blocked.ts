import { canWrite, describeLine } from '../line.js';
import { membershipOf, type State, targetOf } from '../state.js';

/** The reason why writing is not possible now, as a placeholder of the field. */
export function blocked(state: State, title: string): string | undefined {
  if (!canWrite(state)) {
    const { action } = describeLine(state);
    return `${action ?? 'Connect'} to send messages`;
  }
  const { kind, name } = targetOf(state.open);
  return kind === 'room' && membershipOf(state, name).state === 'asking' ? `Joining ${title}…` : undefined;
}

/** Replaces the field in a room that this client is not in. */
export interface Gate {
  readonly text: string;
  readonly button: string;
  readonly isRefused: boolean;
}

export function gateOf(state: State, title: string): Gate | undefined {
  const { kind, name } = targetOf(state.open);
  if (kind === 'person' || !canWrite(state)) return undefined;
  const { state: membership, reason } = membershipOf(state, name);
  if (membership === 'out') {
    return { text: reason ?? 'Join to send messages', button: `Join ${title}`, isRefused: false };
  }
  if (membership !== 'refused') return undefined;
  return { text: reason ?? 'This room is not open to you.', button: 'Ask again', isRefused: true };
}
