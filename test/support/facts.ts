import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Between two looks at a fact: short at first, as most are true soon; longer later, as each look costs what a server does. */
const FIRST_PAUSE_MS = 2;
const LONGEST_PAUSE_MS = 50;

/** The real time, also where a test has taken the clock. */
const now = performance.now.bind(performance);

/** How long a fact may take to become true. Generous: it is only ever used up by a test that fails. */
const PATIENCE_MS = 5_000;

export interface Patience {
  /** Milliseconds; 5 000 by default. */
  timeout?: number;
  /** What is waited for, in the words of the error message. Taken from the code when missing. */
  what?: string;
}

/**
 * Asks again and again until `fact` neither throws nor returns `false`, and resolves to what it returned. So it takes an
 * assertion (`() => expect(…)`) as well as a predicate. Rejects after `timeout`, naming what was waited for.
 */
export async function eventually<T>(fact: () => T | Promise<T>, patience: Patience = {}): Promise<Exclude<T, false>> {
  const timeout = patience.timeout ?? PATIENCE_MS;
  const end = now() + timeout;
  let cause: unknown;
  // After a stall, one more look: input that arrived meanwhile is handled first.
  let isLast = false;
  for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(LONGEST_PAUSE_MS, pause * 1.5)) {
    try {
      const result = await fact();
      if (result !== false) return result as Exclude<T, false>;
      cause = undefined;
    } catch (error) {
      cause = error;
    }
    if (isLast) break;
    isLast = now() >= end;
    await new Promise((resolve) => setTimeout(resolve, pause));
  }
  const last = cause instanceof Error ? `; at last: ${cause.message}` : '';
  throw new Error(`not within ${timeout} ms: ${patience.what ?? wordsOf(fact)}${last}`, { cause });
}

/** The promise, or a rejection that names `what` after `timeout` milliseconds. */
export async function within<T>(promise: PromiseLike<T>, what: string, timeout: number = PATIENCE_MS): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    const giveUp = (): void => reject(new Error(`not within ${timeout} ms: ${what}`));
    // After a stall, input that arrived meanwhile is handled first.
    timer = setTimeout(() => {
      timer = setTimeout(giveUp, LONGEST_PAUSE_MS);
    }, timeout);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

interface Waiter<T> {
  accepts(value: T): boolean;
  resolve(value: T): void;
  reject(reason: Error): void;
}

/** Queues what arrives, so that it does not matter whether a test asks before or after. */
export class EventLog<T> {
  readonly #all: T[] = [];
  readonly #unread: T[] = [];
  readonly #waiters = new Set<Waiter<T>>();
  #ended: Error | undefined;

  /** Everything that ever arrived, read or not, in its order. */
  get all(): readonly T[] {
    return this.#all;
  }

  /** What arrived and was not taken by `next`. */
  get unread(): readonly T[] {
    return this.#unread;
  }

  push(value: T): void {
    this.#all.push(value);
    for (const waiter of this.#waiters) {
      if (!waiter.accepts(value)) continue;
      this.#waiters.delete(waiter);
      waiter.resolve(value);
      return;
    }
    this.#unread.push(value);
  }

  /** Takes the first unread value that `accepts` wants, waiting for it if need be; others stay. Rejects after `timeout`. */
  async next(accepts: (value: T) => boolean = () => true, patience: Patience = {}): Promise<T> {
    const index = this.#unread.findIndex(accepts);
    if (index >= 0) return this.#unread.splice(index, 1)[0] as T;
    if (this.#ended !== undefined) throw this.#ended;
    let waiter: Waiter<T> | undefined;
    const arrival = new Promise<T>((resolve, reject) => {
      waiter = { accepts, resolve, reject };
      this.#waiters.add(waiter);
    });
    const what = patience.what ?? `an event that satisfies ${wordsOf(accepts)}`;
    try {
      return await within(
        arrival,
        `${what} (${this.#all.length} arrived, ${this.#unread.length} unread)`,
        patience.timeout,
      );
    } finally {
      if (waiter !== undefined) this.#waiters.delete(waiter);
    }
  }

  /** Nothing more will come: whoever waits, or asks for what is not here, is told `reason` at once. */
  end(reason: string): void {
    this.#ended ??= new Error(reason);
    for (const waiter of this.#waiters) waiter.reject(this.#ended);
    this.#waiters.clear();
  }
}

/** Any emitter: Node.js's, Socket.IO's server sockets, its client's. */
export interface Emitting {
  // biome-ignore lint/suspicious/noExplicitAny: listeners take whatever their emitter gives, and typed emitters accept no wider type
  on(event: any, listener: (...args: any[]) => void): unknown;
  // biome-ignore lint/suspicious/noExplicitAny: as above
  once(event: any, listener: (...args: any[]) => void): unknown;
}

/** The arguments of the next `event`; ask before causing it. Rejects after `timeout`. */
export function nextEvent<A extends unknown[] = unknown[]>(
  emitter: Emitting,
  event: string,
  patience: Patience = {},
): Promise<A> {
  const arrival = new Promise<A>((resolve) => emitter.once(event, (...args: A) => resolve(args)));
  return within(arrival, patience.what ?? `event ${event}`, patience.timeout);
}

/** A log of every `event` from now on; each entry is the first argument. */
export function logOf<T = unknown>(emitter: Emitting, event: string): EventLog<T> {
  const log = new EventLog<T>();
  emitter.on(event, (value: T) => log.push(value));
  return log;
}

/**
 * A port on 127.0.0.1 that nobody listens on, outside of the range that systems take outgoing ports from: so it stays free
 * while the server on it is away for a moment. No other test on this machine gets it before this file has ended.
 */
export async function unusedPort(): Promise<number> {
  for (;;) {
    const port = 20_000 + Math.floor(Math.random() * 12_000);
    if (reserve(port) && (await isFree(port))) return port;
  }
}

const RESERVED = join(tmpdir(), 'roomgate-test-ports');
const own = new Set<string>();

/** Called at the end of each test file by `setup.ts`. */
export function releasePorts(): void {
  for (const file of own) rmSync(file, { force: true });
  own.clear();
}

/** Another test may have chosen the same one, and not listen yet. A file says so, with the process that it belongs to. */
function reserve(port: number): boolean {
  const file = join(RESERVED, `${port}`);
  mkdirSync(RESERVED, { recursive: true });
  try {
    writeFileSync(file, `${process.pid}`, { flag: 'wx' });
  } catch {
    if (isAlive(Number(readFileSync(file, { encoding: 'utf8', flag: 'a+' })))) return false;
    writeFileSync(file, `${process.pid}`);
  }
  own.add(file);
  return true;
}

/** Whether there is a process of this number. */
export function isAlive(pid: number): boolean {
  try {
    return pid > 0 && process.kill(pid, 0);
  } catch {
    return false;
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(false));
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)));
  });
}

function wordsOf(code: (...args: never[]) => unknown): string {
  return code.toString().replace(/\s+/g, ' ').slice(0, 200);
}
