import { isBytes } from './is-bytes.js';

/** The most levels of one recursive walk: recursion is fast, but takes stack. */
const SLICE = 256;

/**
 * Whether a received value nests objects and lists deeper than `limit`. Bytes are one value, not a level.
 *
 * This runs for every event. With a limit of up to `SLICE` levels the walk allocates nothing, and it stops at the first value that
 * is too deep. With a higher one it continues from a list of what is below each slice, so no value can overflow the stack.
 */
export function deeperThan(value: unknown, limit: number): boolean {
  if (limit === Number.POSITIVE_INFINITY || typeof value !== 'object' || value === null) return false;
  if (limit <= SLICE) return exceeds(value, limit, undefined);
  let top: readonly object[] = [value];
  let left = limit;
  for (; left > SLICE && top.length > 0; left -= SLICE) {
    const below: object[] = [];
    for (const each of top) exceeds(each, SLICE, below);
    top = below;
  }
  return top.some((each) => exceeds(each, left, undefined));
}

/** If `below` is given, values that are too deep are added to it instead of ending the walk, and the result is false. */
function exceeds(value: object, levels: number, below: object[] | undefined): boolean {
  if (Array.isArray(value)) {
    if (levels === 0) return isTooDeep(value, below);
    for (let index = 0; index < value.length; index++) {
      const entry: unknown = value[index];
      if (typeof entry === 'object' && entry !== null && exceeds(entry, levels - 1, below)) return true;
    }
    return false;
  }
  // Nearly every value is a plain object, and checking for that is faster than checking for bytes.
  if (value.constructor !== Object && isBytes(value)) return false;
  if (levels === 0) return isTooDeep(value, below);
  // Faster than any list of entries. It also visits inherited values, which is harmless.
  for (const key in value) {
    const entry = (value as Readonly<Record<string, unknown>>)[key];
    if (typeof entry === 'object' && entry !== null && exceeds(entry, levels - 1, below)) return true;
  }
  return false;
}

function isTooDeep(value: object, below: object[] | undefined): boolean {
  below?.push(value);
  return below === undefined;
}
