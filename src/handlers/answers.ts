import { callSafely } from '../common/sink.js';
import { ANSWER_ERROR_KEY, ANSWER_ERRORS, type AnswerErrorCode } from '../protocol/errors.js';
import type { Issue } from './schemas.js';

/** The acknowledgement of an event, as Socket.IO passes it. Throws if the answer can't be encoded. */
export type Acknowledge = (...answer: unknown[]) => void;

/** What an error says besides its code. */
export interface ErrorDetails {
  readonly message?: string;
  /** Milliseconds. */
  readonly retryAfter?: number;
  readonly issues?: readonly Issue[];
  readonly details?: unknown;
}

/** Answers an event with an error. `message`: only if the code is none of the library. Never throws. */
export function answerError(acknowledge: Acknowledge, code: string, more: ErrorDetails = {}): void {
  const message = isOwnCode(code) ? ANSWER_ERRORS[code].text : (more.message ?? '');
  // The client may be gone by now, and nobody else is interested.
  callSafely(
    () => acknowledge({ [ANSWER_ERROR_KEY]: { code, ...more, message } }),
    () => {},
  );
}

function isOwnCode(code: string): code is AnswerErrorCode {
  return Object.hasOwn(ANSWER_ERRORS, code);
}
