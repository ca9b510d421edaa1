/** A socket that waits until its peer has read. */
export interface DrainWaiter {
  /** Checks whether the peer has read, and if so, stops waiting. */
  drained(): void;
}

/** Hand-written handlers may omit `drain`, so waiting sockets are polled as well. */
const SWEEP_MS = 20;

const waiting = new Set<DrainWaiter>();
let sweep: NodeJS.Timeout | undefined;

export function pollDrain(socket: DrainWaiter): void {
  waiting.add(socket);
  sweep ??= setInterval(() => {
    for (const each of waiting) each.drained();
  }, SWEEP_MS).unref();
}

/** Does nothing if the socket does not wait. */
export function stopPollingDrain(socket: DrainWaiter): void {
  if (!waiting.delete(socket) || waiting.size > 0) return;
  clearInterval(sweep);
  sweep = undefined;
}
