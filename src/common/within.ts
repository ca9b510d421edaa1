const LATE = Symbol('late');

/** The outcome of `work`, or a rejection once `timeoutMs` has passed. A later outcome is ignored. */
export async function within<T>(work: Promise<T>, timeoutMs: number, late: string): Promise<T> {
  const outcome = await race(work, timeoutMs, LATE, (timer) => timer.unref());
  if (outcome === LATE) throw new Error(late);
  return outcome;
}

/** The same, but resolves with `late`. Its timer keeps the process alive, so that the caller always gets an outcome. */
export async function withinOr<T, L>(work: Promise<T>, timeoutMs: number, late: L): Promise<T | L> {
  return race(work, timeoutMs, late);
}

async function race<T, L>(
  work: Promise<T>,
  timeoutMs: number,
  late: L,
  started?: (timer: NodeJS.Timeout) => void,
): Promise<T | L> {
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<L>((resolve) => {
    timer = setTimeout(() => resolve(late), timeoutMs);
    started?.(timer);
  });
  try {
    return await Promise.race([work, deadline]);
  } finally {
    clearTimeout(timer);
  }
}
