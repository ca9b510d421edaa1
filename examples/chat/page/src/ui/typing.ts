import { useEffect, useMemo } from 'preact/hooks';
import { type Session, useSession } from '../session.js';
import type { Key } from '../state.js';

/** While somebody types, a notice is sent this often. After a pause of this length, typing has stopped. In milliseconds. */
const RENEW_MS = 3_000;
const PAUSE_MS = 4_000;

interface Typing {
  /** The text changed. `isText`: whether there is any text now. */
  readonly typed: (isText: boolean) => void;
  readonly stopped: () => void;
}

/** Sends typing notices to the others, with few messages. */
export function useTyping(of: Key): Typing {
  const session = useSession();
  const typing = useMemo(() => announcer(session, of), [session, of]);
  useEffect(() => typing.stopped, [typing]);
  return typing;
}

function announcer(session: Session, of: Key): Typing {
  let toldAt = 0;
  let pause: ReturnType<typeof setTimeout> | undefined;
  const stopped = (): void => {
    clearTimeout(pause);
    if (toldAt !== 0) session.typing(of, false);
    toldAt = 0;
  };
  const typed = (isText: boolean): void => {
    if (!isText) {
      stopped();
      return;
    }
    clearTimeout(pause);
    pause = setTimeout(stopped, PAUSE_MS);
    if (Date.now() - toldAt < RENEW_MS) return;
    toldAt = Date.now();
    session.typing(of, true);
  };
  return { typed, stopped };
}
