import { useEffect, useState } from 'preact/hooks';
import { describeLine } from '../line.js';
import { useSession } from '../session.js';
import type { State } from '../state.js';
import { focusMain } from './focus.js';
import { ToneIcon } from './icons.js';

/** Keeps its height and place, so that nothing moves when its text changes. */
export function StateBar({ state }: { state: State }) {
  const session = useSession();
  const { tone, label, detail, retryAt, action } = describeLine(state);
  const act = (): void => {
    session.connect();
    // The focused button disappears.
    focusMain();
  };
  return (
    <div class={`state tone-${tone}`}>
      <p role="status" class="words" title={detail}>
        <ToneIcon tone={tone} />
        <strong>{label}</strong>
        {detail !== undefined && <span class="detail">{detail}</span>}
      </p>
      {retryAt !== undefined && <Countdown retryAt={retryAt} />}
      {action !== undefined && (
        <button type="button" onClick={act}>
          {action}
        </button>
      )}
    </div>
  );
}

/** Hidden from screen readers, which would read each second aloud. */
function Countdown({ retryAt }: { retryAt: number }) {
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    setNow(Date.now());
    const timer = setInterval(() => setNow(Date.now()), 250);
    return () => clearInterval(timer);
  }, [retryAt]);
  const seconds = Math.max(0, Math.ceil((retryAt - now) / 1_000));
  return (
    <span class="countdown" aria-hidden="true">
      in {seconds} s
    </span>
  );
}
