import { RoomgateError } from '../protocol/errors.js';

/** The reason of the report or log line about an unknown option. */
export const UNKNOWN_OPTION = 'there is no option of this name';

/**
 * Returns the names in `given` that are not known, so that the caller can warn about them. Options that are undefined do not
 * count. `parent` is the option that contains these, such as `limits`.
 * @throws RoomgateError `invalid_option` for a name that is probably a misspelled known one, which it names.
 */
export function checkNames(of: string, given: object, known: readonly string[], parent?: string): readonly string[] {
  const unknown = Object.entries(given).filter(([name, value]) => value !== undefined && !known.includes(name));
  const path = parent === undefined ? '' : `${parent}.`;
  return unknown.map(([name]) => {
    const meant = nearest(name, known);
    if (meant === undefined) return `${path}${name}`;
    const text = `${of}: option "${path}${name}" does not exist. Did you mean "${path}${meant}"?`;
    throw new RoomgateError('invalid_option', text);
  });
}

/** The known name that was probably meant: case and underscores do not count, nor do a few typos. */
export function nearest(name: string, known: readonly string[]): string | undefined {
  const most = name.length < 6 ? 1 : name.length < 12 ? 2 : 3;
  const distances = known.map((it) => [distance(plain(name), plain(it)), it] as const);
  return distances.filter(([typos]) => typos <= most).sort(([a], [b]) => a - b)[0]?.[1];
}

function plain(name: string): string {
  return name.toLowerCase().replace(/[_-]/g, '');
}

/** Typos between two names: characters that were added, left out, replaced, or swapped with the next one. */
function distance(a: string, b: string): number {
  let [last, row] = [[] as number[], [...b, ''].map((_, j) => j)];
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const isSame = a[i - 1] === b[j - 1];
      const [over, left, before] = [row[j] ?? 0, next[j - 1] ?? 0, row[j - 1] ?? 0];
      const swapped = a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1] ? (last[j - 2] ?? i + j) + 1 : i + j;
      next[j] = Math.min(over + 1, left + 1, before + (isSame ? 0 : 1), swapped);
    }
    [last, row] = [row, next];
  }
  return row[b.length] ?? 0;
}
