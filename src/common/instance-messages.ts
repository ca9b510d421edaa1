/** Ids of sockets and instances are much shorter. */
const LONGEST_NAME = 255;

/** A message that no well-behaved instance sends. The text names what is wrong. */
export class RejectedMessageError extends Error {
  override readonly name = 'RejectedMessageError';
}

/** Whether it can be the id of a socket or of an instance. */
export function isName(value: unknown): value is string {
  return typeof value === 'string' && value !== '' && value.length <= LONGEST_NAME;
}

/** @throws RejectedMessageError */
export function nameIn(value: unknown): string {
  if (isName(value)) return value;
  throw new RejectedMessageError('a missing or invalid id');
}

/** @throws RejectedMessageError */
export function namesIn(value: unknown, most: number): string[] {
  if (!Array.isArray(value) || value.length > most)
    throw new RejectedMessageError('a list that is missing or too long');
  return value.map(nameIn);
}
