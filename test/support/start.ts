import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { spawnTethered } from './children.js';
import { defer } from './cleanup.js';
import { EventLog, unusedPort, within } from './facts.js';

/** `scripts/start.mjs`, which is `npm start`. */
export const START_SCRIPT = new URL('../../scripts/start.mjs', import.meta.url);

/** It builds first. */
const BUILD_MS = 25_000;
export const PATIENCE = { timeout: BUILD_MS, what: 'the last line of the start' };
export const isLast = (line: unknown): boolean => line === 'Press Ctrl-C to stop it.';

export interface StartedInShell {
  readonly url: string;
  /** The id of the script's own process. */
  readonly script: number;
  readonly lines: EventLog<string>;
  /** All of stderr so far. */
  errors(): string;
  killShell(signal: NodeJS.Signals): void;
  /** Resolves once everything that the shell started has ended. */
  ended(): Promise<void>;
}

/** The script under a shell, as npm runs it; resolves once the chat serves. */
export async function startInShell(args: readonly string[]): Promise<StartedInShell> {
  const port = await unusedPort();
  const { child, exited } = spawnTethered(
    'sh',
    ['-c', `"${process.execPath}" "${fileURLToPath(START_SCRIPT)}" ${args.join(' ')} & echo $!; wait`],
    {
      env: { ...process.env, PORT: `${port}`, npm_lifecycle_event: 'start' },
      stdio: ['ignore', 'pipe', 'pipe'],
      // A group of its own, so that its processes can be ended together.
      detached: true,
    },
  );
  let over = false;
  defer(() => over || process.kill(-Number(child.pid), 'SIGKILL'));
  const lines = new EventLog<string>();
  if (child.stdout !== null) createInterface(child.stdout).on('line', (line) => lines.push(line));
  let errors = '';
  child.stderr?.on('data', (chunk) => {
    errors += String(chunk);
  });
  // The script's output may come before the shell's.
  const script = Number(await lines.next((line) => /^\d+$/.test(line)));
  await lines.next(isLast, PATIENCE);
  return {
    url: `http://localhost:${port}`,
    script,
    lines,
    errors: () => errors,
    killShell: (signal) => child.kill(signal),
    // Its output is that of the shell: it has ended when the last of them has.
    ended: async () => {
      await within(exited, 'the end of the server', 10_000);
      over = true;
    },
  };
}
