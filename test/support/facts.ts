import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * Delays between checks: short at first, as most facts become true soon; longer later, as each check can cost the
 * server work.
 */
const FIRST_PAUSE_MS = 2;
const LONGEST_PAUSE_MS = 50;

/** Real time, even if a test has replaced the clock. */
const now = performance.now.bind(performance);

/** How long a fact may take to become true. Generous, because only a failing test uses all of it. */
const PATIENCE_MS = 5_000;

export interface Patience {
  /** Milliseconds; 5 000 by default. */
  timeout?: number;
  /** The fact, as the error message names it. By default the code of the function. */
  what?: string;
}

/**
 * Calls `fact` repeatedly until it neither throws nor returns `false`; resolves to its result. So `fact` can be an
 * assertion (`() => expect(…)`) or a predicate. Rejects after `timeout` and names the fact.
 */
export async function eventually<T>(fact: () => T | Promise<T>, patience: Patience = {}): Promise<Exclude<T, false>> {
  const timeout = patience.timeout ?? PATIENCE_MS;
  const end = now() + timeout;
  let cause: unknown;
  // After a stall, check once more: pending input is handled first.
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
    // After a stall, pending input is handled first.
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

/** Queues values, so that a test can ask before or after they arrive. */
export class EventLog<T> {
  readonly #all: T[] = [];
  readonly #unread: T[] = [];
  readonly #waiters = new Set<Waiter<T>>();
  #ended: Error | undefined;

  /** Every value that arrived, read or not, in order. */
  get all(): readonly T[] {
    return this.#all;
  }

  /** The values that `next` has not returned yet. */
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

  /**
   * Removes and returns the first unread value that `accepts` matches; waits for it if necessary. Rejects after
   * `timeout`.
   */
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

  /** Ends the log: pending and later calls of `next` without a match reject at once with `reason`. */
  end(reason: string): void {
    this.#ended ??= new Error(reason);
    for (const waiter of this.#waiters) waiter.reject(this.#ended);
    this.#waiters.clear();
  }
}

/** Any emitter: of Node.js, of Socket.IO's server sockets, or of its client. */
export interface Emitting {
  // biome-ignore lint/suspicious/noExplicitAny: the arguments depend on the emitter, and typed emitters accept no wider type
  on(event: any, listener: (...args: any[]) => void): unknown;
  // biome-ignore lint/suspicious/noExplicitAny: as above
  once(event: any, listener: (...args: any[]) => void): unknown;
}

/** The arguments of the next `event`. Call it before causing the event. Rejects after `timeout`. */
export function nextEvent<A extends unknown[] = unknown[]>(
  emitter: Emitting,
  event: string,
  patience: Patience = {},
): Promise<A> {
  const arrival = new Promise<A>((resolve) => emitter.once(event, (...args: A) => resolve(args)));
  return within(arrival, patience.what ?? `event ${event}`, patience.timeout);
}

/** A log of every later `event`; each entry is the first argument. */
export function logOf<T = unknown>(emitter: Emitting, event: string): EventLog<T> {
  const log = new EventLog<T>();
  emitter.on(event, (value: T) => log.push(value));
  return log;
}

/**
 * A free port on 127.0.0.1, outside of the system's range of ephemeral ports: so it stays free while its server
 * restarts. No other test on this machine gets it before this file ends.
 */
export async function unusedPort(): Promise<number> {
  for (;;) {
    const port = 20_000 + Math.floor(Math.random() * 12_000);
    if (reserve(port) && (await isFree(port))) return port;
  }
}

const RESERVED = join(tmpdir(), 'roomgate-test-ports');
const own = new Set<string>();

/** `setup.ts` calls this at the end of each test file. */
export function releasePorts(): void {
  for (const file of own) rmSync(file, { force: true });
  own.clear();
}

/** Another test may have chosen the same port without listening yet. A lock file with its process id shows that. */
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

/** True if a process with this id exists. */
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
