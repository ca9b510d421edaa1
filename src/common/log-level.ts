import { wrongOption } from './checks.js';
import { CONSOLE } from './sink.js';
import type { ILogger, TLogLevel } from './types.js';

const LEVELS: readonly TLogLevel[] = ['debug', 'info', 'warn', 'error', 'silent'];
const VALUES = 'debug, info, warn, error or silent';
const VARIABLE = 'ROOMGATE_LOG';

/** The part of `process` that is used. Browsers have none. */
interface Environment {
  readonly process?: { readonly env?: Readonly<Record<string, string | undefined>> };
}

/** The unknown value that was warned about, so that each process warns once. */
let warnedAbout: string | undefined;

/** @throws RoomgateError unless it is left out or a level. */
export function checkLogLevel(of: string, level: unknown): asserts level is TLogLevel | undefined {
  if (level === undefined || isLevel(level)) return;
  const received = typeof level === 'string' && level.length <= 20 ? JSON.stringify(level) : undefined;
  throw wrongOption(of, 'logLevel', VALUES, level, received);
}

/**
 * The lowest level that is written: the option, else for the console `ROOMGATE_LOG` or `warn`, and for a logger of the program
 * every level, because that has a switch of its own.
 */
export function lowestLevel(level: TLogLevel | undefined, logger: ILogger | false): TLogLevel {
  if (logger === false) return 'silent';
  if (level !== undefined) return level;
  return logger === CONSOLE ? levelOfEnvironment() : 'debug';
}

/** Whether a line of `level` is written if `lowest` is the lowest level. */
export function isWritten(level: keyof ILogger, lowest: TLogLevel): boolean {
  return LEVELS.indexOf(level) >= LEVELS.indexOf(lowest);
}

function levelOfEnvironment(): TLogLevel {
  const value = readVariable();
  if (!value) return 'warn';
  const level = value.toLowerCase();
  if (isLevel(level)) return level;
  if (warnedAbout !== value) {
    CONSOLE.warn(
      `[roomgate] ${VARIABLE}: expected ${VALUES}, received ${JSON.stringify(value.slice(0, 50))}; the level stays warn`,
    );
  }
  warnedAbout = value;
  return 'warn';
}

function readVariable(): string | undefined {
  try {
    return (globalThis as Environment).process?.env?.[VARIABLE];
  } catch {
    // Runtimes with permissions, such as Deno, may deny it.
    return undefined;
  }
}

function isLevel(value: unknown): value is TLogLevel {
  return (LEVELS as readonly unknown[]).includes(value);
}
