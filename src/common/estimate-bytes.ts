/** What a number, a flag or nothing at all takes, and what comes with each string, list and object: a rule of thumb. */
const SMALL = 8;

/** About how many bytes a payload keeps in memory. Without recursion, as a payload may be deep. */
export function estimateBytes(payload: unknown): number {
  let sum = 0;
  const waiting = [payload];
  while (waiting.length > 0) {
    const value = waiting.pop();
    sum += SMALL;
    if (typeof value === 'string') sum += value.length;
    if (typeof value !== 'object' || value === null) continue;
    if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) {
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
