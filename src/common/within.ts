/** The outcome of `work`, or a rejection once `timeoutMs` has passed; what `work` comes to after that is ignored. */
export async function within<T>(work: Promise<T>, timeoutMs: number, late: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(late)), timeoutMs).unref();
  });
  work.catch(() => {});
  try {
    return await Promise.race([work, deadline]);
  } finally {
    clearTimeout(timer);
  }
}
