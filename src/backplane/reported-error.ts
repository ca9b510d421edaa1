/** The part of Redis' error for an unknown command that repeats its arguments. */
const ARGUMENTS = /, with args beginning with:[^\n]*/;
/** An address in a message, such as `127.0.0.1:6379`. */
const ADDRESSES = /\S*:\d+/g;

/**
 * A copy of an error of a Redis client for a report. ioredis puts the command with all arguments on its errors: messages of the
 * program, or the password of AUTH. So only name, message, stack and code are copied.
 */
export function reportedError(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const copy = new Error(error.message.replace(ARGUMENTS, ''));
  if (error.name !== copy.name) copy.name = error.name;
  copy.stack = error.stack?.replace(ARGUMENTS, '') ?? '';
  return 'code' in error ? Object.assign(copy, { code: error.code }) : copy;
}

/** The text of an error, to tell whether it was reported before. */
export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The same without addresses: the nodes of a cluster and the Sentinels fail for one cause, each with its own address. */
export function causeOf(error: unknown): string {
  return reasonOf(error).replace(ADDRESSES, '');
}
