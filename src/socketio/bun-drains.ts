/** Who waits until its peer has read. */
export interface Waiting {
  /** Looks whether that is so, and if it is, stops waiting. */
  drained(): void;
}

/** Bun tells only through a handler that programs write by hand may lack; so it is looked after whoever waits. */
const SWEEP_MS = 20;

const waiting = new Set<Waiting>();
let sweep: NodeJS.Timeout | undefined;

export function watchDrain(wire: Waiting): void {
  waiting.add(wire);
  sweep ??= setInterval(() => {
    for (const each of waiting) each.drained();
  }, SWEEP_MS).unref();
}

/** Harmless where it doesn't wait. */
export function unwatchDrain(wire: Waiting): void {
  if (!waiting.delete(wire) || waiting.size > 0) return;
  clearInterval(sweep);
  sweep = undefined;
}
