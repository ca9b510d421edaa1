import { useSession } from '../session.js';
import type { Entry, Key } from '../state.js';
import { focusConversation } from './focus.js';
import { ClockIcon, WarnIcon } from './icons.js';

/** One message, and of one's own what became of it. */
export function Bubble({ of, entry }: { of: Key; entry: Entry }) {
  return (
    <li class={`said ${entry.delivery}`}>
      <p class="bubble" dir="auto">
        {entry.text}
      </p>
      {entry.delivery !== 'sent' && <Delivery of={of} entry={entry} />}
    </li>
  );
}

function Delivery({ of, entry }: { of: Key; entry: Entry }) {
  const session = useSession();
  if (entry.delivery !== 'failed') {
    return (
      <p class="delivery">
        <ClockIcon />
        {entry.delivery === 'waiting' ? 'Waiting…' : 'Sending…'}
      </p>
    );
  }
  const again = (): void => {
    session.sayAgain(of, entry);
    focusConversation();
  };
  const discard = (): void => {
    session.discard(of, entry.id);
    focusConversation();
  };
  return (
    <div class="delivery">
      <p>
        <WarnIcon />
        <span>
          <strong>Not sent</strong>: {entry.reason}
        </span>
      </p>
      <button type="button" class="link" onClick={again}>
        Send again
      </button>
      <button type="button" class="link" onClick={discard}>
        Discard
      </button>
    </div>
  );
}
