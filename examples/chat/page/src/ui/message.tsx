import { timeOf } from '../format.js';
import { type Piece, piecesOf } from '../links.js';
import { useSession } from '../session.js';
import type { Entry, Key } from '../state.js';
import { focusConversation } from './focus.js';
import { ClockIcon, WarnIcon } from './icons.js';

interface Props {
  readonly of: Key;
  readonly entry: Entry;
  readonly isConnected: boolean;
}

/** One message, with its delivery until it is sent. */
export function Message({ of, entry, isConnected }: Props) {
  return (
    <li class={`said ${stageOf(entry, isConnected)}`}>
      <time class="at" dateTime={entry.at} aria-hidden="true">
        {timeOf(entry.at)}
      </time>
      <p class="text" dir="auto">
        {piecesOf(entry.text).map((piece) =>
          piece.href === undefined ? piece.text : <Link {...piece} href={piece.href} />,
        )}
      </p>
      {entry.delivery !== 'sent' && <Delivery of={of} entry={entry} isConnected={isConnected} />}
    </li>
  );
}

/** A message without an answer waits for the connection, if there is none. */
function stageOf({ delivery }: Entry, isConnected: boolean): 'waiting' | 'sending' | 'sent' | 'failed' {
  if (delivery === 'sent' || delivery === 'failed') return delivery;
  return isConnected ? 'sending' : 'waiting';
}

function Link({ text, href, host }: Piece & { href: string }) {
  return (
    <>
      <a href={href} target="_blank" rel="noopener noreferrer" title={href}>
        {text}
      </a>
      {host !== undefined && <small> (leads to {host})</small>}
    </>
  );
}

function Delivery({ of, entry, isConnected }: Props) {
  const session = useSession();
  if (entry.delivery !== 'failed') {
    return (
      <p class="delivery">
        <ClockIcon />
        {isConnected ? 'Sending…' : 'Waiting…'}
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
      <span class="choices">
        <button type="button" class="link" onClick={again}>
          Send again
        </button>
        <button type="button" class="link" onClick={discard}>
          Discard
        </button>
      </span>
    </div>
  );
}
