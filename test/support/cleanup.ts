import { afterAll, onTestFinished } from 'vitest';

/** Whatever a test starts and must not leave behind. */
export interface Stoppable {
  stop(): Promise<void> | void;
}

/** What was started outside of a test, in `beforeAll` or at the top of a file; lives until the file has ended. */
const ofThisFile: Stoppable[] = [];

/**
 * Sees to it that `stoppable.stop()` runs when the running test ends, however it ends; called outside of a test, when its file
 * ends. Last started, first stopped. `stop()` must be harmless when it has been called before.
 */
export function track<T extends Stoppable>(stoppable: T): T {
  try {
    onTestFinished(() => stoppable.stop());
  } catch {
    ofThisFile.push(stoppable);
  }
  return stoppable;
}

/** As {@link track}, for what is no object with a `stop()`: an `io.close()`, a client's `disconnect()`. */
export function defer(stop: () => Promise<unknown> | unknown): void {
  track({
    stop: async () => {
      await stop();
    },
  });
}

/** Called once for each test file by `setup.ts`. */
export function stopAtEndOfFile(): void {
  afterAll(async () => {
    for (const stoppable of ofThisFile.splice(0).reverse()) await stoppable.stop();
  });
}
