/** The states of a WebSocket, with the numbers of the standard. */
export const OPEN = 1;
export const CLOSING = 2;
export const CLOSED = 3;
