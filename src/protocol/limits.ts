/** Limits of what clients may make an instance hold. Each number is a default of the server's option `limits`. */
export interface ILimits {
  /** Rooms in one `join` or `leave`. Default 256: a page full of rooms, in a frame of a few kilobytes. */
  readonly roomsPerRequest: number;
  /** Rooms that one client is in or is asking for, default rooms aside. Default 1 000: about 100 KB of names and sets. */
  readonly roomsPerClient: number;
  /** Characters in a room's name. Default 255, as in Centrifugo: longer names are payloads in disguise. */
  readonly roomNameLength: number;
  /** Levels of objects and lists in one argument of an event. Default 64: far below where recursion over it fails. */
  readonly payloadDepth: number;
  /** Events that wait until `clientConnectedFn` has registered its handlers. Default 100: a client that sends more does not wait for an answer. */
  readonly heldEvents: number;
  /** Bytes of these events, about. Default 1 000 000: one payload of the size that Socket.IO takes at most. */
  readonly heldBytes: number;
  /**
   * Bytes that wait for a client that does not read, or not as fast as it is sent to, whatever its transport. The largest
   * message among them does not count. Default 1 000 000: for a client that is further behind, a new start is better.
   */
  readonly queuedBytes: number;
  /**
   * Connections of this instance that are not authenticated, at a time. Above it the oldest one is closed that has not asked to
   * authenticate; a newcomer is never refused. Default 10 000: they take less than 1 GB whatever they send.
   */
  readonly unauthenticatedConnections: number;
  /**
   * The same for one address. No limit by default: behind a proxy all clients have one address.
   */
  readonly unauthenticatedPerAddress: number;
}

/** The limits that the option `limits` does not set. */
export const DEFAULT_LIMITS: ILimits = Object.freeze({
  roomsPerRequest: 256,
  roomsPerClient: 1_000,
  roomNameLength: 255,
  payloadDepth: 64,
  heldEvents: 100,
  heldBytes: 1_000_000,
  queuedBytes: 1_000_000,
  unauthenticatedConnections: 10_000,
  unauthenticatedPerAddress: Number.POSITIVE_INFINITY,
});
