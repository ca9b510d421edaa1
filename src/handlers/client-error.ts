import { describe } from '../common/describe.js';
import { shown } from '../common/log-text.js';
import { CODE_FORM } from '../common/program-codes.js';
import { isCode, isOwnCode, RoomgateError } from '../protocol/errors.js';

/** Two copies of the package, such as one for `import` and one for `require`, recognize each other's errors by it. */
const MARK = Symbol.for('roomgate.ClientError');
const MOST_DETAIL_BYTES = 16_384;

/**
 * An error that a handler of `handle()` throws for its client: the client receives code, message and details unchanged, and nothing is
 * reported. `code`: up to 64 lower-case letters, digits and `_`, the first one a letter, and no code of Roomgate. `details`: JSON of at most
 * 16 KB.
 *
 * @example if (room.isFull) throw new ClientError('room_full', 'This room is full.', { most: 50 });
 */
export class ClientError extends Error {
  readonly code: string;
  readonly details: unknown;

  constructor(code: string, message: string, details?: unknown) {
    super(message);
    this.name = 'ClientError';
    this.code = code;
    this.details = details;
    Object.defineProperty(this, MARK, { value: true });
  }
}

/** What a client receives of a `ClientError`. */
export interface ProgramAnswer {
  readonly code: string;
  readonly message: string;
  readonly details?: unknown;
}

/** Whether this was thrown for the client. Never throws. */
export function isClientError(error: unknown): error is Error & { readonly code: unknown; readonly details?: unknown } {
  try {
    return error instanceof Object && Reflect.get(error, MARK) === true;
  } catch {
    // A Proxy or a getter that throws.
    return false;
  }
}

/**
 * What the client receives of an error that was thrown for it. `allowed`: the codes of the topic's contract; undefined for any.
 * @throws RoomgateError if the error can't be sent as it is.
 */
export function readClientError(
  error: Error & { readonly code: unknown; readonly details?: unknown },
  allowed: ReadonlySet<string> | undefined,
): ProgramAnswer {
  const { code, message, details } = error;
  if (!isCode(code)) {
    throw wrong(`code: expected ${CODE_FORM}, received ${shownCode(code)}`, error);
  }
  if (isOwnCode(code)) throw wrong(`code: "${code}" is a code of the library; choose another one`, error);
  if (allowed !== undefined && !allowed.has(code)) {
    throw wrong(`code: "${code}" is not among the "errors" of this topic; add it there`, error);
  }
  if (typeof message !== 'string') throw wrong(`message: expected a string, received ${describe(message)}`, error);
  return details === undefined ? { code, message } : { code, message, details: asJson(details, error) };
}

function asJson(details: unknown, cause: Error): unknown {
  let text: string | undefined;
  try {
    text = JSON.stringify(details);
  } catch (error) {
    throw wrong("details: JSON can't represent them", error);
  }
  if (text === undefined) throw wrong(`details: expected JSON, received ${describe(details)}`, cause);
  const bytes = Buffer.byteLength(text);
  if (bytes > MOST_DETAIL_BYTES)
    throw wrong(`details: expected at most ${MOST_DETAIL_BYTES} bytes, received ${bytes}`, cause);
  return JSON.parse(text);
}

function wrong(text: string, cause: unknown): RoomgateError {
  return new RoomgateError('invalid_argument', `ClientError: ${text}.`, { cause });
}

function shownCode(code: unknown): string {
  return typeof code === 'string' ? `"${shown(code)}"` : describe(code);
}
