/** The states of a WebSocket, as the standard numbers them. */
export const OPEN = 1;
export const CLOSING = 2;
export const CLOSED = 3;
