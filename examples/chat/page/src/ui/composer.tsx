import type { TargetedEvent, TargetedKeyboardEvent } from 'preact';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { isBlank } from '../../../words.js';
import { lengthWords, type TypingWords } from '../format.js';
import { useSession } from '../session.js';
import type { Key } from '../state.js';
import { focusConversation } from './focus.js';
import { SendIcon } from './icons.js';
import { useTyping } from './typing.js';

/** With fewer characters left than this, their number is shown. */
const NEAR_LIMIT = 200;

export interface Hint {
  readonly text: string;
  readonly isForNarrow: boolean;
}

interface Props {
  readonly of: Key;
  readonly title: string;
  /** The people who are typing. */
  readonly typing: TypingWords | undefined;
  readonly maxText: number;
  /** The reason why writing is not possible now. */
  readonly blocked: string | undefined;
  /** Shown below the field. */
  readonly hint: Hint;
}

export function Composer({ of, title, typing, maxText, blocked, hint }: Props) {
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
    if (isBlocked || isBlank(trimmed) || left < 0) return;
    stopped();
    write('');
    session.say(of, trimmed);
    field.current?.focus();
  };
  const keyed = (event: TargetedKeyboardEvent<HTMLTextAreaElement>): void => {
    // In an input method, Enter ends a word.
    if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    send();
  };
  const submitted = (event: TargetedEvent<HTMLFormElement>): void => {
    event.preventDefault();
    send();
  };

  return (
    <form class="composer" onSubmit={submitted}>
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
          placeholder={blocked ?? `Message ${title}`}
          aria-describedby="composer-hint composer-length"
          aria-invalid={left < 0}
          enterkeyhint="send"
          onInput={(event) => write(event.currentTarget.value)}
          onKeyDown={keyed}
          onBlur={stopped}
        />
        <button type="submit" class="primary round" disabled={isBlocked || isBlank(text) || left < 0}>
          <SendIcon />
          <span class="hidden">Send</span>
        </button>
      </div>
      <div class="hints">
        <p class="typing">
          {typing !== undefined && (
            <>
              <span class="names">{typing.names}</span> <span class="verb">{typing.verb}</span>
            </>
          )}
        </p>
        <p id="composer-hint" class={`why ${hint.isForNarrow ? 'for-narrow' : ''}`} title={hint.text}>
          {hint.text}
        </p>
        <p id="composer-length" class={`left ${left < 0 ? 'over' : ''}`} role="status">
          {left < NEAR_LIMIT && lengthWords(left)}
        </p>
      </div>
    </form>
  );
}

/** Focuses the field after joining, unless the focus is somewhere else. */
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
