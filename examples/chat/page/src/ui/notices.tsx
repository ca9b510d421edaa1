import { timeOf } from '../format.js';
import { useSession } from '../session.js';
import type { Notice } from '../state.js';
import { CloseIcon } from './icons.js';

/** Over the messages, so that nothing moves under the reader. */
export function Notices({ notices }: { notices: readonly Notice[] }) {
  const session = useSession();
  return (
    <div class="notices" role="status">
      {notices.map(({ id, text, at }) => (
        <div class="notice" key={id}>
          <p>
            <strong>From the operator</strong> <time dateTime={at}>{timeOf(at)}</time>
            <br />
            {text}
          </p>
          <button type="button" class="quiet" onClick={() => session.readNotice(id)}>
            <CloseIcon />
            <span class="hidden">Dismiss</span>
          </button>
        </div>
      ))}
    </div>
  );
}
