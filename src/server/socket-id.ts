import { randomFillSync } from 'node:crypto';
import { ID_BYTES, ID_PREFIX_BYTES } from '../protocol/socket-ids.js';

const bytes = Buffer.alloc(ID_BYTES);
bytes.set(ID_PREFIX_BYTES);

/** A new id. Encoded in one piece, as a string that is put together takes more memory. */
export function newSocketId(): string {
  randomFillSync(bytes, ID_PREFIX_BYTES.length);
  return bytes.toString('base64url');
}
