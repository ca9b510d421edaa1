import { describe } from './describe.js';

/** Numbers below this are milliseconds of 1970 to 1973, or seconds of today. */
const LEAST_MS = 100_000_000_000;
/** The last moment that a `Date` can hold. */
const MOST_MS = 8_640_000_000_000_000;

/**
 * The milliseconds since 1970 of a `Date` or number, or the text of what is wrong with it: `expected …, received …`, and a fix.
 */
export function readWhen(value: unknown): number | string {
  const ms = value instanceof Date ? value.getTime() : value;
  if (typeof ms !== 'number') return `${EXPECTED}, received ${describe(value)}`;
  if (value instanceof Date && Number.isNaN(ms)) return `${EXPECTED}, received an invalid Date`;
  if (!Number.isFinite(ms) || Math.abs(ms) > MOST_MS) return `${EXPECTED}, received ${ms}`;
  if (ms >= LEAST_MS) return ms;
  const fix = ms > 0 ? '. It looks like seconds: multiply it by 1000' : '';
  return `${EXPECTED}, received ${ms}${fix}`;
}

const EXPECTED = 'expected a Date or milliseconds since 1970';
