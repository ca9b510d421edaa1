import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { type Exit, spawnTethered } from './children.js';
import { type Stoppable, track } from './cleanup.js';
import { EventLog, within } from './facts.js';

export interface ProgramOptions {
  args?: readonly string[];
  /** Added to the tests' environment, from which the test runner's own variables are removed. */
  env?: Readonly<Record<string, string>>;
  /** Options of Node.js itself, such as `['--expose-gc']`. */
  execArgv?: readonly string[];
  /** The Node.js executable; by default the one that runs the tests. */
  node?: string;
  /** Working directory; by default the project's. */
  cwd?: string;
}

/** A separate process: an uncaught error has the same effect as in a user's program. */
export interface Program extends Stoppable {
  readonly pid: number;
  /** The lines of stdout, parsed as JSON where possible, otherwise plain text. */
  // biome-ignore lint/suspicious/noExplicitAny: each fixture prints other values
  readonly messages: EventLog<any>;
  /** stderr so far. */
  readonly stderr: string;
  /** Resolves when the process has ended and all its output was read. Has no timeout: see `ended`. */
  readonly exited: Promise<Exit>;
  /** The same with a timeout, by default 5 000 ms. */
  ended(timeout?: number): Promise<Exit>;
  /** Writes one line of JSON to stdin. */
  send(message: unknown): void;
  /** Closes stdin. */
  endInput(): void;
  kill(signal?: NodeJS.Signals): void;
}

/**
 * Runs a plain Node.js program, such as one of `test/fixtures`, without a test framework or error handler. It can
 * import the built package by name. Killed with the test, or with the file if called outside of a test.
 */
export function startProgram(path: string | URL, options: ProgramOptions = {}): Program {
  const file = path instanceof URL ? fileURLToPath(path) : path;
  const { child, exited } = spawnTethered(
    options.node ?? process.execPath,
    [...(options.execArgv ?? []), file, ...(options.args ?? [])],
    {
      cwd: options.cwd ?? fileURLToPath(new URL('../..', import.meta.url)),
      env: { ...plainEnvironment(), ...options.env },
    },
  );
  const messages = new EventLog<unknown>();
  let stderr = '';
  if (child.stdout !== null) createInterface(child.stdout).on('line', (line) => messages.push(read(line)));
  child.stderr?.on('data', (chunk) => {
    stderr += String(chunk);
  });
  // A write to a program that has ended fails. `exited` reports its end.
  child.stdin?.on('error', () => undefined);
  void exited.then(({ code, signal }) =>
    messages.end(`the program ended (${signal ?? code}): ${stderr.slice(-2_000)}`),
  );
  return track({
    pid: child.pid ?? 0,
    messages,
    get stderr() {
      return stderr;
    },
    exited,
    ended: (timeout) => within(exited, 'the program ended', timeout),
    send: (message) => child.stdin?.write(`${JSON.stringify(message)}\n`),
    endInput: () => child.stdin?.end(),
    kill: (signal = 'SIGKILL') => {
      child.kill(signal);
    },
    stop: async () => {
      child.kill('SIGKILL');
      await exited;
    },
  });
}

function plainEnvironment(): NodeJS.ProcessEnv {
  const ofTheRunner = /^(VITEST|TEST$|NODE_OPTIONS$|NODE_ENV$|NODE_V8_COVERAGE$|DEV$|PROD$|MODE$|SSR$|BASE_URL$)/;
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !ofTheRunner.test(name)));
}

function read(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return line;
  }
}
