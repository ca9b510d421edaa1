/**
 * Milliseconds that a peer may take to read what was written before its connection closes. Then the connection is destroyed. A
 * peer that reads needs far less. One that does not would hold memory, or a whole process, until a heartbeat fails, and with `ws`
 * for 30 s.
 */
export const CLOSE_TIMEOUT_MS = 5_000;
