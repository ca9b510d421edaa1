import { inspect } from 'node:util';

/** One line about anything that was thrown. */
export function errorMessage(error: unknown): string {
  return error instanceof Error ? error.message : inspect(error, { depth: 1 });
}

/** The same with the stack, for errors of the program's own code. */
export function errorStack(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : inspect(error, { depth: 1 });
}
