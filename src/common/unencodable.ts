import { RoomgateError } from '../protocol/errors.js';
import { isBytes } from './is-bytes.js';
import { shown } from './log-text.js';

/** Encoders overflow the stack at several thousand levels. */
const MOST_LEVELS = 1_000;

/**
 * The error for data at which Socket.IO's encoder failed with `cause`. Names the part that can't be encoded, and where it is.
 * `argument` is the name of the data, such as `payload.data`.
 */
export function unencodable(
  method: string,
  argument: string,
  topic: string,
  data: unknown,
  cause: unknown,
): RoomgateError {
  const reason = reasonIn(data, argument, []) ?? (cause instanceof Error ? cause.message : 'the encoder failed');
  const text = `${method}(): ${argument} of "${shown(topic)}" can't be encoded: ${reason}.`;
  return new RoomgateError('invalid_argument', text, { cause });
}

/** `parents`: the objects that contain `value`, each with its path. */
function reasonIn(value: unknown, path: string, parents: readonly (readonly [object, string])[]): string | undefined {
  if (typeof value === 'bigint') return `${shown(path)} is a bigint. Send it as a string, with String(value)`;
  if (typeof value !== 'object' || value === null || isBytes(value)) return undefined;
  const [, above] = parents.find(([one]) => one === value) ?? [];
  if (above !== undefined) return `${shown(path)} is circular: it is the same object as ${shown(above)}`;
  if (parents.length > MOST_LEVELS) return `it nests deeper than ${MOST_LEVELS} levels`;
  try {
    if (typeof Reflect.get(value, 'toJSON') === 'function') return undefined;
    const within = [...parents, [value, path] as const];
    for (const [key, entry] of Object.entries(value)) {
      const reason = reasonIn(entry, pathTo(path, key, Array.isArray(value)), within);
      if (reason !== undefined) return reason;
    }
  } catch {
    // A getter of the program that throws: the encoder's own error says why.
  }
  return undefined;
}

function pathTo(path: string, key: string, isList: boolean): string {
  if (isList) return `${path}[${key}]`;
  return /^[A-Za-z_$][\w$]*$/.test(key) ? `${path}.${key}` : `${path}[${JSON.stringify(key)}]`;
}
