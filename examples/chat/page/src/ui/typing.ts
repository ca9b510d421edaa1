import { useEffect, useMemo } from 'preact/hooks';
import { type Session, useSession } from '../session.js';
import type { Key } from '../state.js';

/** Who goes on typing says so again after so many milliseconds, and who pauses for so long has stopped. */
const RENEW_MS = 3_000;
const PAUSE_MS = 4_000;

interface Typing {
  /** Something was typed; `isText` whether anything stands there now. */
  readonly typed: (isText: boolean) => void;
  readonly stopped: () => void;
}

/** Tells the others, seldom. */
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
