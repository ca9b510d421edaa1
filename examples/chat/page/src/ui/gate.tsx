import { useSession } from '../session.js';
import { type Key, targetOf } from '../state.js';
import type { Gate } from './blocked.js';

/** In place of the composer: the one way into a room, or why there is none. */
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
