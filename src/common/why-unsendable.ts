import { hasMethods } from './checks.js';
import { isBytes } from './is-bytes.js';
import { shown } from './log-text.js';

/** The most values that are inspected. Data is searched only after it could not be sent. */
const MOST_VALUES = 10_000;
/** Encoders overflow the stack at several thousand levels. */
const MOST_LEVELS = 1_000;

/**
 * Why Socket.IO's encoder failed at this data, such as `data.user.id is a bigint`, with the fix if there is one. Encoders name
 * neither the place nor, after a stack overflow, the reason. Undefined if no reason is found. `name` is the name of the data.
 */
export function whyUnsendable(data: unknown, name: string): string | undefined {
  try {
    return new Search().reasonIn(data, name);
  } catch {
    // A getter or a toJSON() of the program that throws: the encoder's own error has the reason.
    return undefined;
  }
}

class Search {
  /** The objects that contain the current value, each with its path. */
  readonly #parents: (readonly [object, string])[] = [];
  #left = MOST_VALUES;

  reasonIn(given: unknown, path: string): string | undefined {
    this.#left -= 1;
    if (this.#left < 0 || isBytes(given)) return undefined;
    const value = hasMethods(given, ['toJSON']) ? given.toJSON() : given;
    if (typeof value === 'bigint') return `${shown(path)} is a bigint. Send it as a string, with String(value)`;
    if (typeof value !== 'object' || value === null) return undefined;
    const [, above] = this.#parents.find(([one]) => one === value) ?? [];
    if (above !== undefined) return `${shown(path)} is circular: it is the same object as ${shown(above)}`;
    if (this.#parents.length > MOST_LEVELS) return `it nests deeper than ${MOST_LEVELS} levels`;
    this.#parents.push([value, path]);
    for (const [key, entry] of Object.entries(value)) {
      const reason = this.reasonIn(entry, pathTo(path, key, Array.isArray(value)));
      if (reason !== undefined) return reason;
    }
    this.#parents.pop();
    return undefined;
  }
}

function pathTo(path: string, key: string, isList: boolean): string {
  if (isList) return `${path}[${key}]`;
  return /^[A-Za-z_$][\w$]*$/.test(key) ? `${path}.${key}` : `${path}[${JSON.stringify(key)}]`;
}
