import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import { grouped, timeOf } from '../format.js';
import type { Entry, Key } from '../state.js';
import { Avatar } from './avatar.js';
import { DownIcon } from './icons.js';
import { Message } from './message.js';

/** If the end is at most so many pixels away, the view follows new messages. */
const NEAR = 80;

interface Props {
  readonly of: Key;
  readonly entries: readonly Entry[];
  readonly me: string;
  readonly label: string;
  readonly isConnected: boolean;
}

export function Log({ of, entries, me, label, isConnected }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const follows = useRef(true);
  const [hasMore, setMore] = useState(false);
  const last = entries.at(-1);
  const isMine = last?.from === me && last.delivery !== 'sent';

  const toEnd = (): void => {
    const element = box.current;
    if (element !== null) element.scrollTop = element.scrollHeight;
  };
  useLayoutEffect(() => {
    // The writer of a message wants to see it.
    if (follows.current || isMine) toEnd();
    else setMore(true);
  }, [entries]);
  // The box shrinks when a keyboard opens or the composer grows.
  useLayoutEffect(() => {
    const observer = new ResizeObserver(() => {
      if (follows.current) toEnd();
    });
    if (box.current !== null) observer.observe(box.current);
    return () => observer.disconnect();
  }, []);

  const scrolled = (): void => {
    const element = box.current;
    if (element === null) return;
    follows.current = element.scrollHeight - element.scrollTop - element.clientHeight < NEAR;
    if (follows.current) setMore(false);
  };

  return (
    <>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: an element that scrolls must be reachable without a mouse */}
      <div ref={box} class="log" role="log" aria-live="polite" aria-label={label} tabIndex={0} onScroll={scrolled}>
        <div class="column">
          {grouped(entries).map(({ label: day, groups }) => (
            <section key={day} aria-label={day}>
              <p class="day">
                <span>{day}</span>
              </p>
              <ol>
                {groups.map(({ from, at, entries: said }) => (
                  <li key={keyOf(said[0])} class="group">
                    <Avatar name={from} />
                    <div class="stack">
                      <p class="by">
                        <strong>{from}</strong>
                        {from === me && <span class="you">you</span>}
                        <time dateTime={at}>{timeOf(at)}</time>
                      </p>
                      <ul>
                        {said.map((entry) => (
                          <Message key={keyOf(entry)} of={of} entry={entry} isConnected={isConnected} />
                        ))}
                      </ul>
                    </div>
                  </li>
                ))}
              </ol>
            </section>
          ))}
        </div>
      </div>
      {hasMore && (
        <button type="button" class="more" onClick={toEnd}>
          <DownIcon />
          New messages
        </button>
      )}
    </>
  );
}

/** The same before and after the server gave the message an id, so that its element stays. */
const keyOf = (entry: Entry | undefined): string | undefined => entry?.echo ?? entry?.id;
