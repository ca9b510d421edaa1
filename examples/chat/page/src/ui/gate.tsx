import { useSession } from '../session.js';
import { type Key, targetOf } from '../state.js';
import type { Gate } from './blocked.js';

/** Replaces the composer: a join button, or the reason why joining is not possible. */
export function RoomGate({ of, gate: { text, button, isRefused } }: { of: Key; gate: Gate }) {
  const session = useSession();
  return (
    <div class={`composer gate ${isRefused ? 'refused' : ''}`}>
      <p role="status">{text}</p>
      <button type="button" class={isRefused ? '' : 'primary'} onClick={() => session.join(targetOf(of).name)}>
        {button}
      </button>
    </div>
  );
}
