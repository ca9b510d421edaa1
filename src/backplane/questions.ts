import { isName } from './open-questions.js';
import { RejectedMessageError } from './rejected-messages.js';

/** Which of these sockets do you have? */
export interface Ask {
  readonly ask: string;
  readonly from: string;
  readonly ids: readonly string[];
}

/** These. */
export interface Answer {
  readonly ask: string;
  readonly from: string;
  readonly has: readonly string[];
}

/** @throws RejectedMessageError */
export function parseAsk(message: Buffer, mostIds: number): Ask {
  const { ask, from, ids } = parse(message);
  return { ask: nameIn(ask), from: nameIn(from), ids: namesIn(ids, mostIds) };
}

/** @throws RejectedMessageError */
export function parseAnswer(message: Buffer, mostIds: number): Answer {
  const { ask, from, has } = parse(message);
  return { ask: nameIn(ask), from: nameIn(from), has: namesIn(has, mostIds) };
}

/** Who leaves. @throws RejectedMessageError */
export function parseGoodbye(message: Buffer): string {
  return nameIn(parse(message).from);
}

function parse(message: Buffer): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = JSON.parse(message.toString());
  } catch (cause) {
    throw new RejectedMessageError('no JSON', { cause });
  }
  if (typeof value !== 'object' || value === null) throw new RejectedMessageError('not an object');
  return value as Readonly<Record<string, unknown>>;
}

function namesIn(value: unknown, most: number): string[] {
  if (!Array.isArray(value) || value.length > most) throw new RejectedMessageError('no list of a proper length');
  return value.map(nameIn);
}

function nameIn(value: unknown): string {
  if (isName(value)) return value;
  throw new RejectedMessageError('a name is missing, or odd');
}
