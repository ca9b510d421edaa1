import { afterAll, onTestFinished } from 'vitest';

/** A resource that a test starts and must stop. */
export interface Stoppable {
  stop(): Promise<void> | void;
}

/** Resources of a whole file, started in `beforeAll` or at the top of the file. */
const ofThisFile: Stoppable[] = [];

/**
 * Calls `stoppable.stop()` at the end of the running test, even after a failure; outside of a test, at the end of its
 * file. Stops in reverse order. `stop()` must be safe to call twice.
 */
export function track<T extends Stoppable>(stoppable: T): T {
  try {
    onTestFinished(() => stoppable.stop());
  } catch {
    ofThisFile.push(stoppable);
  }
  return stoppable;
}

/**
 * Like {@link track}, for a function instead of an object with a `stop()`: an `io.close()`, a client's `disconnect()`.
 */
export function defer(stop: () => Promise<unknown> | unknown): void {
  track({
    stop: async () => {
      await stop();
    },
  });
}

/** `setup.ts` calls this once for each test file. */
export function stopAtEndOfFile(): void {
  afterAll(async () => {
    for (const stoppable of ofThisFile.splice(0).reverse()) await stoppable.stop();
  });
}
