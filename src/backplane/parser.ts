import { decode, encode } from 'notepack.io';
import { inspectBroadcast } from './redis/inspect.js';

/** The encoding of the adapter, with two additions: values arrive as for local clients, and messages are checked. */
export const PARSER = {
  /** Throws if the data can't be encoded. */
  encode: (value: unknown): Buffer => encode(asOnTheWire(value)),
  /** @throws RejectedMessageError, or the error of the decoder. */
  decode(message: Buffer): unknown {
    const value: unknown = decode(message);
    // Requests and responses are objects, and were checked before.
    if (Array.isArray(value)) inspectBroadcast(value, message.length);
    return value;
  },
};

/**
 * Converts typed arrays to their bytes, and invalid dates to null, as Socket.IO does for local clients. MessagePack would encode the
 * first bytes of the buffer of a typed array, and 1970 for an invalid date. Copies only the values that it changes.
 */
function asOnTheWire(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Buffer.isBuffer(value)) return value;
  if (ArrayBuffer.isView(value)) return Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : value;
  if (value instanceof ArrayBuffer) return value;
  if (Array.isArray(value)) return changed(value, value.map(asOnTheWire));
  if (hasToJSON(value)) return asOnTheWire(value.toJSON());
  const entries = Object.entries(value);
  const after = entries.map(([, entry]) => asOnTheWire(entry));
  if (entries.every(([, entry], index) => entry === after[index])) return value;
  return Object.fromEntries(entries.map(([key], index) => [key, after[index]]));
}

function hasToJSON(value: object): value is { toJSON(): unknown } {
  return 'toJSON' in value && typeof value.toJSON === 'function';
}

function changed(before: readonly unknown[], after: readonly unknown[]): readonly unknown[] {
  return before.every((entry, index) => entry === after[index]) ? before : after;
}
