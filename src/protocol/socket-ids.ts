/**
 * Socket ids of Roomgate: a prefix and 96 random bits. They have the alphabet and the length of Socket.IO's own ids, because its
 * sharded adapter treats a room of 20 characters as an id, and instances of version 0.1 ask about names of that form. One of 16
 * million ids of Socket.IO has this prefix by chance.
 */
const FORM = /^rg--[\w-]{16}$/;

/** The bytes of the prefix, which is base64url. `ID_BYTES`: the bytes of a whole id. */
export const ID_PREFIX_BYTES: readonly number[] = [0xae, 0x0f, 0xbe];
export const ID_BYTES = 15;

/** Whether a name is, was or may become the id of a socket of Roomgate's. No client joins or leaves a room of that name. */
export function isSocketId(name: string): boolean {
  return FORM.test(name);
}

/** Whether a name has the form of an id of plain Socket.IO: 15 random bytes in base64url. */
export function isPlainSocketId(name: string): boolean {
  return /^[\w-]{20}$/.test(name);
}
