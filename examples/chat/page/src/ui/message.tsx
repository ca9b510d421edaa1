import { timeOf } from '../format.js';
import { piecesOf } from '../links.js';
import { useSession } from '../session.js';
import type { Entry, Key } from '../state.js';
import { focusConversation } from './focus.js';
import { ClockIcon, WarnIcon } from './icons.js';

/** One message, with its delivery until it is sent. */
export function Message({ of, entry }: { of: Key; entry: Entry }) {
  return (
    <li class={`said ${entry.delivery}`}>
      <time class="at" dateTime={entry.at} aria-hidden="true">
        {timeOf(entry.at)}
      </time>
      <p class="text" dir="auto">
        {piecesOf(entry.text).map(({ text, href }) =>
          href === undefined ? (
            text
          ) : (
            <a href={href} target="_blank" rel="noopener noreferrer" title={href}>
              {text}
            </a>
          ),
        )}
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
