import { decode, encode } from 'notepack.io';
import { inspectBroadcast } from './redis/inspect.js';

/** For the adapter: its own encoding, made to mean the same as what local clients get, and judged as it is decoded. */
export const PARSER = {
  /** Throws where the data can't be encoded. */
  encode: (value: unknown): Buffer => encode(asOnTheWire(value)),
  /** @throws RejectedMessageError, or whatever the decoding fails with. */
  decode(message: Buffer): unknown {
    const value: unknown = decode(message);
    // Requests and responses are objects, and were judged before.
    if (Array.isArray(value)) inspectBroadcast(value, message.length);
    return value;
  },
};

/**
 * Typed arrays and dates become what Socket.IO makes of them for a local client: their bytes, and null where a date is
 * none. MessagePack would take an array's first bytes for all of them, and the date for 1970. Copies only what it changes.
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
