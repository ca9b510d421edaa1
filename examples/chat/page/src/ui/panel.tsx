import { clockOf } from '../format.js';
import { useSession } from '../session.js';
import type { Happening, State } from '../state.js';
import { CloseIcon } from './icons.js';

interface Props {
  readonly state: State;
  /** Undefined where a drawer around it has the button. */
  readonly onClose?: () => void;
}

/** The current state of Roomgate's client, and its history. */
export function Panel({ state, onClose }: Props) {
  const session = useSession();
  const { line, instance, life, diagnostics } = state;
  const { transport, socketId, history, errors } = diagnostics;
  const isOpen = transport !== undefined;
  return (
    <aside class="panel" aria-label="Developer panel">
      <div class="panel-head">
        <h2>Developer panel</h2>
        {onClose !== undefined && (
          <button type="button" class="quiet square" onClick={onClose}>
            <CloseIcon />
            <span class="hidden">Close the developer panel</span>
          </button>
        )}
      </div>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: an element that scrolls must be reachable without a mouse */}
      <section class="panel-body" aria-label="Connection" tabIndex={0}>
        <dl>
          <Fact name="Status" value={line.status} />
          <Fact name="Transport" value={transport} />
          <Fact name="Instance" value={line.status === 'authenticated' ? instance : undefined} />
          <Fact name="Socket id" value={socketId} />
          <Fact name="Connections" value={`${life}`} />
        </dl>
        {/* Not `disabled`, which would take the focus away from a button that was just used. */}
        <button type="button" aria-disabled={!isOpen} onClick={() => isOpen && session.cut()}>
          Cut the connection
        </button>
        <p class="note">
          Works like a network failure. The client reconnects, and then sends the messages that you wrote meanwhile.
        </p>
        <h3 id="last-errors">Last errors</h3>
        <Happenings all={errors} label="last-errors" nothing="No errors." />
        <h3 id="status-history">Status history</h3>
        <Happenings all={history} label="status-history" nothing="Nothing happened yet." />
      </section>
    </aside>
  );
}

function Fact({ name, value }: { name: string; value: string | undefined }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{value ?? '–'}</dd>
    </div>
  );
}

function Happenings({ all, label, nothing }: { all: readonly Happening[]; label: string; nothing: string }) {
  if (all.length === 0) return <p class="note">{nothing}</p>;
  return (
    <ol aria-labelledby={label}>
      {all.map(({ id, at, what, detail }) => (
        <li key={id}>
          <time dateTime={new Date(at).toISOString()}>{clockOf(at)}</time>
          <span>
            {what}
            {detail !== undefined && <small>{detail}</small>}
          </span>
        </li>
      ))}
    </ol>
  );
}
