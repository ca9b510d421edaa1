import { randomBytes } from 'node:crypto';
import { ID_BYTES, socketIdOf } from '../protocol/socket-ids.js';

export function newSocketId(): string {
  return socketIdOf(randomBytes(ID_BYTES));
}
