import { decode, encode } from 'notepack.io';
import { inspectBroadcast } from './inspect.js';

/** For the adapter: its own encoding, with broadcasts judged where they are decoded, so that it happens once. */
export const PARSER = {
  encode,
  /** @throws JunkError, or whatever the decoding fails with. */
  decode(message: Buffer): unknown {
    const value: unknown = decode(message);
    // Requests and responses are objects, and were judged before.
    if (Array.isArray(value)) inspectBroadcast(value, message.length);
    return value;
  },
};
