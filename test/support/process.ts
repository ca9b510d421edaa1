import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { type Exit, spawnTethered } from './children.js';
import { type Stoppable, track } from './cleanup.js';
import { EventLog, within } from './facts.js';

export interface ProgramOptions {
  args?: readonly string[];
  /** Added to the environment of the tests, which is handed on without the test runner's own variables. */
  env?: Readonly<Record<string, string>>;
  /** Options of Node.js itself, such as `['--expose-gc']`. */
  execArgv?: readonly string[];
  /** The Node.js that runs it; the one that runs the tests by default. */
  node?: string;
  /** Working directory; the project's by default. */
  cwd?: string;
}

/** A program of its own: what happens to it when something is thrown is what happens to a user. */
export interface Program extends Stoppable {
  readonly pid: number;
  /** What it printed on stdout, line by line, read as JSON; lines that are none as plain text. */
  // biome-ignore lint/suspicious/noExplicitAny: each fixture has its own words
  readonly messages: EventLog<any>;
  /** What it printed on stderr so far. */
  readonly stderr: string;
  /** Resolves when it has ended and all its output was read. Unbounded: see `ended`. */
  readonly exited: Promise<Exit>;
  /** The same, or a rejection after `timeout` milliseconds (5 000). */
  ended(timeout?: number): Promise<Exit>;
  /** One line of JSON on its stdin. */
  send(message: unknown): void;
  /** Ends its stdin. */
  endInput(): void;
  kill(signal?: NodeJS.Signals): void;
}

/**
 * Runs a plain Node.js program, such as one of `test/fixtures`, without any test framework or error handler around it. It
 * may import the built package by its own name. Killed when the test, or outside of one its file, has ended.
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
  // A program that has ended takes no more input; that is told by `exited`.
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
