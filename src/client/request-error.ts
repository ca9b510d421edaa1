import { fieldsOf, isRecord, LONGEST_TIMER_MS } from '../common/checks.js';
import type { ContractCode } from '../common/contract.js';
import { describe } from '../common/describe.js';
import {
  ANSWER_ERROR_KEY,
  ANSWER_ERRORS,
  type AnswerErrorCode,
  isCode,
  isRequestCode,
  type RequestErrorCode,
  RoomgateError,
} from '../protocol/errors.js';

/** Two copies of the package, such as one for `import` and one for `require`, recognize each other's errors by it. */
const MARK = Symbol.for('roomgate.RequestError');
const MOST_ISSUES = 10;
const LONGEST_PATH = 256;
const LONGEST_MESSAGE = 1_000;

/** What is wrong with one place of the data of an event. */
export interface RequestIssue {
  /** The keys that lead to it, with dots between them; empty for the data itself. */
  readonly path: string;
  /** The name of the rule, as the server's library for schemas calls it, such as `invalid_type`. */
  readonly code: string;
}

/** The facts about a request that failed. */
export interface RequestFailure {
  readonly mayHaveRun: boolean;
  readonly retryAfter?: number | undefined;
  readonly issues?: readonly RequestIssue[] | undefined;
  readonly details?: unknown;
  readonly cause?: unknown;
}

/** For the compiler only, which allows no subclass with more codes. */
const Base = RoomgateError as unknown as new (code: string, message: string, options?: { cause?: unknown }) => Error;

/**
 * Why a `request()` of the client helper failed, or was not answered. It is a `RoomgateError`. `code` is one of the library, or one of the
 * topic's contract: `isRequestError()` tells the compiler which ones. `message` is a text for the user if the server has answered.
 */
export class RequestError<Code extends string = string> extends Base {
  declare readonly code: Code;
  /**
   * Whether the server's handler may have run, in whole or in part, so that a second request could do the same again. False if the event
   * was not sent, or the server refused it before the handler.
   */
  readonly mayHaveRun: boolean;
  /** Milliseconds to wait before the same request can succeed. */
  readonly retryAfter: number | undefined;
  /** With the code `invalid`: up to 10 places that are wrong. Otherwise empty. */
  readonly issues: readonly RequestIssue[];
  /** The `details` of a `ClientError` of the server. */
  readonly details: unknown;

  constructor(code: Code, message: string, { mayHaveRun, retryAfter, issues = [], details, cause }: RequestFailure) {
    super(code, message, cause === undefined ? {} : { cause });
    this.name = 'RequestError';
    this.mayHaveRun = mayHaveRun;
    this.retryAfter = retryAfter;
    this.issues = issues;
    this.details = details;
    Object.defineProperty(this, MARK, { value: true });
  }
}

/**
 * Whether `request()` rejected with this error, and not with the reason of a signal. With the topic of a contract, `code` is one of the
 * library's or of the topic's `errors`, and other codes are not recognized.
 * @example
 * if (isRequestError(error, contract.up.say) && error.code === 'away') showAway();
 */
export function isRequestError(error: unknown): error is RequestError;
export function isRequestError<Entry extends object>(
  error: unknown,
  topic: Entry,
): error is RequestError<RequestErrorCode | ContractCode<Entry>>;
export function isRequestError(error: unknown, topic?: { readonly errors?: unknown }): error is RequestError {
  const { [MARK]: isMarked, code } = fieldsOf(error) as { readonly [MARK]?: unknown; readonly code?: unknown };
  if (isMarked !== true || typeof code !== 'string') return false;
  if (topic === undefined || isRequestCode(code)) return true;
  return Array.isArray(topic.errors) && topic.errors.includes(code);
}

/** The error in an answer; undefined if the answer is a result. A foreign server may send anything. */
export function errorIn(answer: unknown, call: string): RequestError | undefined {
  if (!isRecord(answer) || !Object.hasOwn(answer, ANSWER_ERROR_KEY)) return undefined;
  const { code, message, retryAfter, issues, details } = fieldsOf(answer[ANSWER_ERROR_KEY]);
  if (!isCode(code) || typeof message !== 'string') {
    const found = isCode(code) ? `the message ${describe(message)}` : `the code ${describe(code)}`;
    const text = `${call}: the server answered with an error that has ${found}. ${ANSWER_ERRORS.internal.text}`;
    return new RequestError('internal', text, { mayHaveRun: true });
  }
  return new RequestError(code, message.slice(0, LONGEST_MESSAGE), {
    mayHaveRun: !Object.hasOwn(ANSWER_ERRORS, code) || ANSWER_ERRORS[code as AnswerErrorCode].mayHaveRun,
    retryAfter: isDuration(retryAfter) ? Math.min(retryAfter, LONGEST_TIMER_MS) : undefined,
    issues: Array.isArray(issues) ? issues.slice(0, MOST_ISSUES).flatMap(readIssue) : [],
    details,
  });
}

function isDuration(value: unknown): value is number {
  return typeof value === 'number' && value >= 0;
}

function readIssue(issue: unknown): RequestIssue[] {
  const { path, code } = fieldsOf(issue);
  if (typeof path !== 'string' || typeof code !== 'string') return [];
  return [{ path: path.slice(0, LONGEST_PATH), code: code.slice(0, LONGEST_PATH) }];
}
