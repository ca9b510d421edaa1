/** Limits of the resources that clients may use on an instance. Each number is a default of the server's option `limits`. */
export interface ILimits {
  /** Rooms in one `join` or `leave`. Default 256: a page full of rooms, in a frame of a few kilobytes. */
  readonly roomsPerRequest: number;
  /** Rooms that one client is in or is asking for, without the default rooms. Default 1 000: about 100 KB of names and sets. */
  readonly roomsPerClient: number;
  /** Characters in a room's name. Default 255, as in Centrifugo: a longer name is probably data. */
  readonly roomNameLength: number;
  /** Levels of objects and lists in one argument of an event. Default 64: far below the depth at which recursive code fails. */
  readonly payloadDepth: number;
  /** Events that wait until `clientConnectedFn` has registered its handlers. Default 100: a client that sends more does not wait for an answer. */
  readonly heldEvents: number;
  /** Approximate bytes of these events. Default 1 000 000: one payload of the largest size that Socket.IO accepts. */
  readonly heldBytes: number;
  /**
   * Unread bytes of a client that reads too slowly or not at all, on any transport. The largest message among them does not
   * count. Default 1 000 000: a client that is further behind recovers faster with a new connection.
   */
  readonly queuedBytes: number;
  /**
   * Unauthenticated connections of this instance at a time. Above the limit, the oldest connection that has not sent
   * `authenticate` is closed. New connections are never refused. Default 10 000: they use less than 1 GB, whatever they send.
   */
  readonly unauthenticatedConnections: number;
  /**
   * The same for one address: see the option `trustedHops`. No limit by default, because a university or a mobile network puts
   * thousands of people behind one address, and after a deployment all of them connect at once.
   */
  readonly unauthenticatedPerAddress: number;
  /**
   * Calls of `authenticateFn` that run at a time on this instance, for new clients and for renewals. Further clients wait, in the
   * order in which they came, at most until `authenticateTimeout`. Then they are told to reconnect. Default 1 000: with a check that
   * takes a tenth of a second, 10 000 clients are authenticated in a second, and a backend that stalls gets 1 000 requests, not 10 000.
   */
  readonly authenticationsInFlight: number;
  /**
   * Messages per second that one client may send for long, whatever they are: events, joins, acknowledgements. Above it the server reads more
   * slowly, and nothing is dropped while the client stays connected. Default 500: 60 updates a second of eight things.
   */
  readonly messagesPerSecond: number;
  /** Messages that one client may send at once before `messagesPerSecond` counts. Default 5 000: ten seconds of it, such as a queue after an outage. */
  readonly messageBurst: number;
  /**
   * Milliseconds for which a client may be over `messagesPerSecond` without a pause. Then it is told `rate_limited` and disconnected, and its
   * messages that still wait are lost. Default 30 000.
   */
  readonly delayedFor: number;
  /** Milliseconds for which such a client is refused after that; 0 to refuse nobody. `Infinity` is not allowed. Default 30 000. */
  readonly refusedFor: number;
  /** Events of one client that handlers of `handle()` are working on. One more is answered `busy`. Default 100. */
  readonly requestsInFlight: number;
  /** Calls of `validateRoomFn` that run for one client at a time. Further requests of that client wait. Default 64. */
  readonly joinsInFlight: number;
  /**
   * Bytes of one event of a client that is authenticated, with its attachments. A larger one is not handled: it is answered `too_large` if
   * it asked for an acknowledgement. A message that is larger than `maxHttpBufferSize` of Socket.IO closes its connection with the code
   * 1009, or is answered 413 over long polling. No limit of its own by default.
   */
  readonly payloadBytes: number;
  /** Connections of one user to this instance. One more is refused with `too_many_connections`. Default 1 000: a user is sometimes a company. */
  readonly connectionsPerUser: number;
  /** Messages per second that all clients of one user may send to this instance. Above it they are answered `rate_limited`. Default 2 000. */
  readonly messagesPerUser: number;
  /** The same over all instances, counted in Redis. No limit by default. While Redis is unreachable each instance counts its own. */
  readonly messagesPerUserOfAll: number;
  /**
   * Failed authentications of one key of `authenticationKey`, or of one known address, with no success between them. Further ones wait for
   * their turn, or are refused for a while. Default 10: more than people need who try their passwords.
   */
  readonly failedAuthentications: number;
}

/**
 * Most arguments of an event, after its topic, or of an acknowledgement, in both directions. Runtimes pass them on the stack. A few
 * hundred thousand of them fit into one message and end a process: Socket.IO calls the callback of an acknowledgement where nothing
 * catches that.
 */
export const MOST_ARGUMENTS = 10_000;

/** The defaults of the option `limits`. */
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
  authenticationsInFlight: 1_000,
  messagesPerSecond: 500,
  messageBurst: 5_000,
  delayedFor: 30_000,
  refusedFor: 30_000,
  requestsInFlight: 100,
  joinsInFlight: 64,
  payloadBytes: Number.POSITIVE_INFINITY,
  connectionsPerUser: 1_000,
  messagesPerUser: 2_000,
  messagesPerUserOfAll: Number.POSITIVE_INFINITY,
  failedAuthentications: 10,
});
