import { isBytes } from './is-bytes.js';

/** Up to this many levels the walk is recursive: the stack stays bounded, and recursion is several times faster than a queue. */
const RECURSION_LIMIT = 256;

/**
 * Whether a received value nests objects and lists deeper than `limit`. Bytes are one value, not a level.
 *
 * This runs for every event. The walk allocates nothing, and it stops at the first value that is too deep, so its stack is
 * bounded by `limit` and never by what a client sends.
 */
export function deeperThan(value: unknown, limit: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return limit <= RECURSION_LIMIT ? exceeds(value, limit) : exceedsByLevel(value, limit);
}

function exceeds(value: object, levels: number): boolean {
  if (Array.isArray(value)) {
    if (levels === 0) return true;
    for (let index = 0; index < value.length; index++) {
      const entry: unknown = value[index];
      if (typeof entry === 'object' && entry !== null && exceeds(entry, levels - 1)) return true;
    }
    return false;
  }
  // Nearly every value is a plain object, and checking for that is faster than checking for bytes.
  if (value.constructor !== Object && isBytes(value)) return false;
  if (levels === 0) return true;
  // Faster than any list of entries. It also visits inherited values, which is harmless.
  for (const key in value) {
    const entry = (value as Readonly<Record<string, unknown>>)[key];
    if (typeof entry === 'object' && entry !== null && exceeds(entry, levels - 1)) return true;
  }
  return false;
}

/** Walks level by level, for limits so high that recursion could overflow the stack. */
function exceedsByLevel(value: object, limit: number): boolean {
  let level = isBytes(value) ? [] : [value];
  for (let depth = 1; level.length > 0; depth++) {
    if (depth > limit) return true;
    level = level.flatMap(containersIn);
  }
  return false;
}

function containersIn(container: object): object[] {
  return Object.values(container).filter(
    (entry): entry is object => typeof entry === 'object' && entry !== null && !isBytes(entry),
  );
}
