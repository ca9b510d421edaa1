/** What Redis adds to the refusal of a command that it does not know: the beginning of its arguments. */
const ARGUMENTS = /, with args beginning with:[^\n]*/;

/**
 * An error of a client of Redis, as a report may carry it. ioredis puts the command with all arguments on its errors, and those are the
 * program's messages, or the password of AUTH; so name, message, stack and code are kept, and nothing else.
 */
export function reportedError(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const copy = new Error(error.message.replace(ARGUMENTS, ''));
  if (error.name !== copy.name) copy.name = error.name;
  copy.stack = error.stack?.replace(ARGUMENTS, '') ?? '';
  return 'code' in error ? Object.assign(copy, { code: error.code }) : copy;
}
