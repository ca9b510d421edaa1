import { isBytes } from './is-bytes.js';

/** Estimated bytes of a number, a boolean or null, and the overhead of each string, list and object. */
const SMALL = 8;

/** Approximate memory of a payload, in bytes. Not recursive, because a payload may be deep. */
export function estimateBytes(payload: unknown): number {
  let sum = 0;
  const waiting = [payload];
  while (waiting.length > 0) {
    const value = waiting.pop();
    sum += SMALL;
    if (typeof value === 'string') sum += value.length;
    if (typeof value !== 'object' || value === null) continue;
    if (isBytes(value)) {
      sum += value.byteLength;
      continue;
    }
    for (const [key, entry] of Object.entries(value)) {
      sum += key.length;
      waiting.push(entry);
    }
  }
  return sum;
}
