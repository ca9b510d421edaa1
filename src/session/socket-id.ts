import { randomFillSync } from 'node:crypto';
import { ID_BYTES, ID_PREFIX_BYTES } from '../protocol/socket-ids.js';

const RANDOM_BYTES = ID_BYTES - ID_PREFIX_BYTES.length;

/** Random bytes for the next ids. Asking for those of one id costs a fiftieth of a connection, and for many as much. */
const pool = Buffer.alloc(128 * RANDOM_BYTES);
let used = pool.length;

const bytes = Buffer.alloc(ID_BYTES);
bytes.set(ID_PREFIX_BYTES);

/** A new id. Encoded in one piece, as a string that is put together takes more memory. */
export function newSocketId(): string {
  if (used === pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  pool.copy(bytes, ID_PREFIX_BYTES.length, used, used + RANDOM_BYTES);
  used += RANDOM_BYTES;
  return bytes.toString('base64url');
}
