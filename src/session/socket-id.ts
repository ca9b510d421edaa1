import { randomFillSync } from 'node:crypto';
import { ID_BYTES, ID_PREFIX_BYTES } from '../protocol/socket-ids.js';

const RANDOM_BYTES = ID_BYTES - ID_PREFIX_BYTES.length;

/** Random bytes for the next ids. One call takes 2 % of the time of a connection, no matter for how many ids. */
const pool = Buffer.alloc(128 * RANDOM_BYTES);
let used = pool.length;

const bytes = Buffer.alloc(ID_BYTES);
bytes.set(ID_PREFIX_BYTES);

/** A new id. Encoded in one piece, because a concatenated string takes more memory. */
export function newSocketId(): string {
  if (used === pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  pool.copy(bytes, ID_PREFIX_BYTES.length, used, used + RANDOM_BYTES);
  used += RANDOM_BYTES;
  return bytes.toString('base64url');
}
