import { fieldsOf, isObject } from '../common/checks.js';
import { describe } from '../common/describe.js';
import { isPromiseLike } from '../common/is-promise-like.js';
import type { Schema } from '../protocol/schema.js';

/** What is wrong with one place of a payload: never a value, and no text of the schema, which may quote values. */
export interface Issue {
  /** The keys that lead to it, with dots between them; empty for the payload itself. */
  readonly path: string;
  /** The schema's name of the rule, such as `invalid_type`. */
  readonly code: string;
}

/** The parsed value, or what is wrong with it. */
export type Validated = { readonly value: unknown } | { readonly issues: readonly Issue[] };

const MOST_ISSUES = 10;
/** The client may have made up the keys, so they may be long. */
const LONGEST_KEY = 64;
const LONGEST_PATH = 256;
const CODE = /^[a-z][\w.-]{0,63}$/i;

/** Validates a payload. In the same tick, unless the schema is asynchronous. Throws or rejects if the schema does. */
export function validate(schema: Schema, value: unknown): Promise<Validated> | Validated {
  const result: unknown = schema['~standard'].validate(value);
  return isPromiseLike(result) ? Promise.resolve(result).then(read) : read(result);
}

function read(result: unknown): Validated {
  if (!isObject(result)) throw new TypeError(`the schema returned ${describe(result)} in place of a result`);
  const { issues } = result;
  if (!issues && 'value' in result) return { value: result.value };
  // Such as a `validate` that returns the data itself: without this check every handler would get undefined.
  if (!issues) throw new TypeError('the schema returned an object with neither "value" nor "issues"');
  // Not with `slice()`, which makes an array of the library's own class.
  const list: unknown[] = Array.isArray(issues) ? issues : [];
  const count = Math.min(list.length, MOST_ISSUES);
  return { issues: Array.from({ length: count }, (_, at) => ({ path: pathOf(list[at]), code: codeOf(list[at]) })) };
}

/** zod and arktype have a `code`, valibot has a `type`. The interface that they share has neither. */
function codeOf(issue: unknown): string {
  const { code, type } = fieldsOf(issue);
  return [code, type].find(isCode) ?? 'invalid';
}

function isCode(value: unknown): value is string {
  return typeof value === 'string' && CODE.test(value);
}

function pathOf(issue: unknown): string {
  const { path } = fieldsOf(issue);
  const segments: unknown[] = Array.isArray(path) || isIterable(path) ? [...path] : [];
  const keys = segments.map((segment) => String(isObject(segment) ? segment.key : segment).slice(0, LONGEST_KEY));
  return keys.join('.').slice(0, LONGEST_PATH);
}

function isIterable(value: unknown): value is Iterable<unknown> {
  return typeof value === 'object' && value !== null && Symbol.iterator in value;
}
