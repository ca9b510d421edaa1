import type { TargetedEvent, TargetedKeyboardEvent } from 'preact';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { useSession } from '../session.js';
import { type Key, targetOf } from '../state.js';
import type { Blocked } from './blocked.js';
import { focusConversation } from './focus.js';
import { SendIcon } from './icons.js';
import { useTyping } from './typing.js';

/** With fewer characters left than this the rest is counted. */
const NEAR_LIMIT = 200;

interface Props {
  readonly of: Key;
  readonly title: string;
  /** Who types, in words; empty where nobody does. */
  readonly typing: string;
  readonly maxText: number;
  readonly blocked: Blocked | undefined;
  /** There is no connection, but one will come. */
  readonly isAway: boolean;
  /** What to be told while writing. */
  readonly caution: string;
}

export function Composer({ of, title, typing, maxText, blocked, isAway, caution }: Props) {
  const session = useSession();
  const [text, setText] = useState(session.drafts.get(of) ?? '');
  const field = useRef<HTMLTextAreaElement>(null);
  const { typed, stopped } = useTyping(of);
  const left = maxText - text.trim().length;
  const isBlocked = blocked !== undefined;

  useLayoutEffect(() => grow(field.current), [text]);
  useFocusOnceOpen(isBlocked);

  const write = (value: string): void => {
    setText(value);
    session.drafts.set(of, value);
    typed(value.trim() !== '');
  };
  const send = (): void => {
    const trimmed = text.trim();
    if (isBlocked || trimmed === '' || left < 0) return;
    stopped();
    write('');
    session.say(of, trimmed);
    field.current?.focus();
  };
  const keyed = (event: TargetedKeyboardEvent<HTMLTextAreaElement>): void => {
    // Enter also ends a word in an input method.
    if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    send();
  };
  const submitted = (event: TargetedEvent<HTMLFormElement>): void => {
    event.preventDefault();
    send();
  };

  const hint = blocked?.reason ?? (isAway ? 'Messages wait until the connection is back.' : caution);
  return (
    <form class="composer" onSubmit={submitted}>
      <div class="hints">
        <p class="typing">{typing}</p>
        <p id="composer-hint" class={`why ${typing === '' ? '' : 'second'}`} title={hint}>
          {hint}
        </p>
        {left < NEAR_LIMIT && (
          <p class={`left ${left < 0 ? 'over' : ''}`} role="status">
            {left < 0 ? `${-left} too many` : `${left} left`}
          </p>
        )}
      </div>
      <div class="write">
        <label for="composer" class="hidden">
          Message to {title}
        </label>
        <textarea
          ref={field}
          id="composer"
          rows={1}
          dir="auto"
          value={text}
          disabled={isBlocked}
          placeholder={isBlocked ? whyBlocked(blocked) : `Message to ${title}`}
          aria-describedby="composer-hint"
          aria-invalid={left < 0}
          enterkeyhint="send"
          onInput={(event) => write(event.currentTarget.value)}
          onKeyDown={keyed}
          onBlur={stopped}
        />
        {blocked?.action === 'join' ? (
          <button type="button" class="primary" onClick={() => session.join(targetOf(of).name)}>
            Join
          </button>
        ) : (
          <button type="submit" class="primary round" disabled={isBlocked || text.trim() === '' || left < 0}>
            <SendIcon />
            <span class="hidden">Send</span>
          </button>
        )}
      </div>
    </form>
  );
}

function whyBlocked({ action }: Blocked): string {
  return action === 'join' ? 'Join to send messages' : 'You can’t send messages now';
}

/** Who just joined wants to write; whose focus is elsewhere keeps it there. */
function useFocusOnceOpen(isBlocked: boolean): void {
  const wasBlocked = useRef(isBlocked);
  useEffect(() => {
    const isFree = document.activeElement === document.body || document.activeElement?.id === 'conversation-title';
    if (wasBlocked.current && !isBlocked && isFree) focusConversation();
    wasBlocked.current = isBlocked;
  }, [isBlocked]);
}

function grow(field: HTMLTextAreaElement | null): void {
  if (field === null) return;
  field.style.height = 'auto';
  field.style.height = `${field.scrollHeight}px`;
}
