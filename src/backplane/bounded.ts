/**
 * The outcome of `work`, or a rejection once `timeoutMs` has passed; what `work` comes to after that is ignored.
 * `hold` keeps the process alive meanwhile.
 */
export async function within<T>(work: Promise<T>, timeoutMs: number, late: string, hold = false): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(late)), timeoutMs);
    if (!hold) timer.unref();
  });
  work.catch(() => {});
  try {
    return await Promise.race([work, deadline]);
  } finally {
    clearTimeout(timer);
  }
}
