/**
 * Socket ids of Roomgate: a prefix and 96 random bits. They have the alphabet and the length of Socket.IO's own ids, since its
 * sharded adapter takes a room of 20 characters for one, and since instances of version 0.1 ask about names of that form. By
 * chance an id of Socket.IO's begins like this once in 16 million times.
 */
const PREFIX = 'rg--';
const FORM = /^rg--[\w-]{16}$/;

/** The random part of an id, in bytes. */
export const ID_BYTES = 12;

/** An id made of random bytes. */
export function socketIdOf(random: { toString(encoding: 'base64url'): string }): string {
  return `${PREFIX}${random.toString('base64url')}`;
}

/** Whether a name is, was or may become the id of a socket of Roomgate's. No client joins or leaves a room of that name. */
export function isSocketId(name: string): boolean {
  return FORM.test(name);
}

/** Whether a name has the form of an id of plain Socket.IO: 15 random bytes in base64url. */
export function isPlainSocketId(name: string): boolean {
  return /^[\w-]{20}$/.test(name);
}
