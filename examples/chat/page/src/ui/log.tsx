import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import { grouped, timeOf } from '../format.js';
import type { Entry, Key } from '../state.js';
import { Avatar } from './avatar.js';
import { Bubble } from './bubble.js';
import { DownIcon } from './icons.js';

/** So near to the end, in pixels, the reader follows what comes. */
const NEAR = 80;

interface Props {
  readonly of: Key;
  readonly entries: readonly Entry[];
  readonly me: string;
  readonly label: string;
}

export function Log({ of, entries, me, label }: Props) {
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
    // Who writes wants to see it.
    if (follows.current || isMine) toEnd();
    else setMore(true);
  }, [entries]);
  // The box is lower when a keyboard opens or the composer grows.
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
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable without a mouse */}
      <div ref={box} class="log" role="log" aria-live="polite" aria-label={label} tabIndex={0} onScroll={scrolled}>
        <div class="column">
          {grouped(entries).map(({ label: day, groups }) => (
            <section key={day} aria-label={day}>
              <p class="day">
                <span>{day}</span>
              </p>
              <ol>
                {groups.map(({ from, at, entries: said }) => (
                  <li key={keyOf(said[0])} class={`group ${from === me ? 'own' : ''}`}>
                    {from !== me && <Avatar name={from} />}
                    <div class="stack">
                      <p class="by">
                        <strong class={from === me ? 'hidden' : ''}>{from === me ? 'You' : from}</strong>
                        <time dateTime={at}>{timeOf(at)}</time>
                      </p>
                      <ul>
                        {said.map((entry) => (
                          <Bubble key={keyOf(entry)} of={of} entry={entry} />
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

/** The same before and after the server gave it an id, so that its element stays. */
const keyOf = (entry: Entry | undefined): string | undefined => entry?.echo ?? entry?.id;
