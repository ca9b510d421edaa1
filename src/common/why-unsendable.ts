import { hasMethods } from './checks.js';
import { shown } from './log-text.js';

/** The most values that are inspected. A message is searched only after it could not be sent. */
const MOST_VALUES = 10_000;

/** The value in this data that Socket.IO can't send, such as `a bigint at data.user.id`. Undefined if none is found. */
export function whyUnsendable(data: unknown, name: string): string | undefined {
  const parents: unknown[] = [];
  let left = MOST_VALUES;
  const search = (given: unknown, path: string): string | undefined => {
    const value = hasMethods(given, ['toJSON']) ? given.toJSON() : given;
    left -= 1;
    if (typeof value === 'bigint') return `a bigint at ${shown(path)}`;
    if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value) || left < 0) return undefined;
    if (parents.includes(value)) return `a circular reference at ${shown(path)}`;
    parents.push(value);
    for (const [key, entry] of Object.entries(value)) {
      const found = search(entry, Array.isArray(value) ? `${path}[${key}]` : `${path}.${key}`);
      if (found !== undefined) return found;
    }
    parents.pop();
    return undefined;
  };
  try {
    return search(data, name);
  } catch {
    // A getter that throws, or data that nests too deep for this search.
    return undefined;
  }
}
