import { isObject } from './checks.js';

/**
 * The fix for data of which JSON makes `{}`, in silence: a `Map`, a `Set`, and an `Error` without fields of its own, since
 * `message` and `stack` do not count. Undefined for all other data.
 */
export function fixForEmptied(data: unknown): string | undefined {
  if (!isObject(data) || 'toJSON' in data) return undefined;
  if (data instanceof Map) return 'Send Object.fromEntries(map), or [...map].';
  if (data instanceof Set) return 'Send [...set].';
  const isEmpty = data instanceof Error && Object.keys(data).length === 0;
  return isEmpty ? 'JSON makes {} of an Error. Send { message: error.message }.' : undefined;
}
