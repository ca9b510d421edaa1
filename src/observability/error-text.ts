import { inspect } from 'node:util';

/** One line about anything that was thrown. Never throws. */
export function errorMessage(error: unknown): string {
  return textOf(error, (it) => it.message);
}

/** The same with the stack, for errors of the program's own code. */
export function errorStack(error: unknown): string {
  return textOf(error, (it) => it.stack ?? it.message);
}

function textOf(error: unknown, read: (error: Error) => unknown): string {
  try {
    return error instanceof Error ? String(read(error)) : inspect(error, { depth: 1 });
  } catch {
    // A getter of the error, or a Proxy. Without a text the report would have no log line.
    return 'an error without a readable text';
  }
}
