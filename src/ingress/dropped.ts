/**
 * The message that takes the place of one that was dropped unread, so that it is known in which order messages came. A peer that
 * sends it itself only harms its own connection.
 */
export const DROPPED = '\u0000roomgate:dropped';
