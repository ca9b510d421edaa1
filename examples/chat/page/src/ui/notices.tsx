import { timeOf } from '../format.js';
import { useSession } from '../session.js';
import type { Notice } from '../state.js';
import { CloseIcon } from './icons.js';

/** Above the messages, so that they do not move. */
export function Notices({ notices }: { notices: readonly Notice[] }) {
  const session = useSession();
  return (
    <div class="notices" role="status">
      {notices.map(({ id, text, at, isFromOperator }) => (
        <div class="notice" key={id}>
          <p>
            <strong>{isFromOperator ? 'From the operator' : 'Not signed in'}</strong>{' '}
            <time dateTime={at}>{timeOf(at)}</time>
            <br />
            {text}
          </p>
          <button type="button" class="quiet square" onClick={() => session.readNotice(id)}>
            <CloseIcon />
            <span class="hidden">Dismiss</span>
          </button>
        </div>
      ))}
    </div>
  );
}
