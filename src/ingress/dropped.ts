/**
 * The message that takes the place of one that was dropped unread, which preserves the order of messages. A peer that
 * sends it itself only harms its own connection.
 */
export const DROPPED = '\u0000roomgate:dropped';
