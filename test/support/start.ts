import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { spawnTethered } from './children.js';
import { defer } from './cleanup.js';
import { EventLog, unusedPort, within } from './facts.js';

/** `scripts/start.mjs`, which `npm start` runs. */
export const START_SCRIPT = new URL('../../scripts/start.mjs', import.meta.url);

/** The start includes a build. */
const BUILD_MS = 25_000;
export const PATIENCE = { timeout: BUILD_MS, what: 'the last line of the start' };
export const isLast = (line: unknown): boolean => line === 'Press Ctrl-C to stop it.';

export interface StartedInShell {
  readonly url: string;
  /** The process id of the script. */
  readonly script: number;
  readonly lines: EventLog<string>;
  /** stderr so far. */
  errors(): string;
  killShell(signal: NodeJS.Signals): void;
  /** Resolves once all processes of the shell have ended. */
  ended(): Promise<void>;
}

/** Runs the script in a shell, like npm does; resolves once the chat accepts requests. */
export async function startInShell(args: readonly string[]): Promise<StartedInShell> {
  const port = await unusedPort();
  const { child, exited } = spawnTethered(
    'sh',
    ['-c', `"${process.execPath}" "${fileURLToPath(START_SCRIPT)}" ${args.join(' ')} & echo $!; wait`],
    {
      env: { ...process.env, PORT: `${port}`, npm_lifecycle_event: 'start' },
      stdio: ['ignore', 'pipe', 'pipe'],
      // In its own process group, so that its processes can be ended together.
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
  // The script's output can come before the shell's.
  const script = Number(await lines.next((line) => /^\d+$/.test(line)));
  await lines.next(isLast, PATIENCE);
  return {
    url: `http://localhost:${port}`,
    script,
    lines,
    errors: () => errors,
    killShell: (signal) => child.kill(signal),
    // They share the shell's output, which closes when the last of them ends.
    ended: async () => {
      await within(exited, 'the end of the server', 10_000);
      over = true;
    },
  };
}
