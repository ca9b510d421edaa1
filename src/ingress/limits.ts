/** Bytes of one message before authentication. Larger messages are dropped; a token or a ticket has room. */
export const STRANGER_MESSAGE_BYTES = 16 * 1024;

/** Frames that one message may come in before authentication. Clients of Socket.IO send a message in one. */
export const STRANGER_FRAGMENTS = 16;

/** Bytes of memory, as estimated before parsing, that one message may take before authentication. The estimate is a high one. */
export const STRANGER_PARSED_BYTES = 32 * 1024;

/** Bytes of the packets in one POST body that reach the engine before authentication. */
export const STRANGER_BODY_BYTES = 32 * 1024;

/** Header lines of one request. Requests are kept, and a line of a few bytes takes a hundred in memory. */
export const MOST_HEADERS = 100;
