import type { Server, ServerOptions } from 'socket.io';
import type { Adapter } from 'socket.io-adapter';

/**
 * What the server needs from outside, and what it tells the outside: the only words that `runtime/`, `backplane/` and
 * `observability/` know of `server/`.
 */

/** Every outcome is one report. Secrets and payloads are not in reports; `error` is what the program's own code threw. */
export type TReport =
  | { readonly type: 'configured'; readonly path: string; readonly runtime: string; readonly redis: boolean }
  | { readonly type: 'shut_down'; readonly clients: number; readonly cut: boolean }
  | { readonly type: 'shutdown_step_failed'; readonly step: string; readonly error: unknown }
  | { readonly type: 'client_connected'; readonly client: string }
  | { readonly type: 'client_authenticated'; readonly client: string }
  | { readonly type: 'client_refused'; readonly client: string; readonly code: string }
  | { readonly type: 'client_ended'; readonly client: string; readonly reason: string }
  | { readonly type: 'authentication_failed'; readonly client: string; readonly error: unknown }
  | { readonly type: 'authentication_not_boolean'; readonly client: string; readonly given: string }
  /** The `auth` of its CONNECT is larger than a client may send before authentication; it was refused. */
  | { readonly type: 'auth_too_large'; readonly client: string; readonly mostBytes: number }
  | { readonly type: 'room_guard_failed'; readonly client: string; readonly error: unknown }
  | { readonly type: 'room_guard_not_list'; readonly client: string; readonly given: string }
  | { readonly type: 'rooms_joined'; readonly client: string; readonly rooms: readonly string[] }
  | { readonly type: 'rooms_left'; readonly client: string; readonly rooms: readonly string[] }
  | { readonly type: 'rooms_refused'; readonly client: string; readonly codes: readonly string[] }
  | { readonly type: 'handler_failed'; readonly where: string; readonly client?: string; readonly error: unknown }
  | {
      readonly type: 'event_dropped';
      readonly client: string;
      readonly why: 'unauthenticated' | 'too_deep' | 'too_large' | 'reserved';
    }
  /** `clientConnectedFn` took longer than events of the client wait for its handlers; they were delivered without. */
  | { readonly type: 'handlers_late'; readonly client: string; readonly events: number; readonly afterMs: number }
  /** The client made this instance hold more than it may; its connection was closed, and it may come back. */
  | {
      readonly type: 'client_limited';
      readonly client: string;
      readonly why: 'held_events' | 'unauthenticated_connections' | 'unauthenticated_per_address';
    }
  /** Another instance asked for sockets, and too many answers waited to be sent. It hears of its own time-out. */
  | { readonly type: 'fetch_answer_dropped' }
  /** The client reads more slowly than it is sent to: more waited for it than may. Its connection was closed. */
  | { readonly type: 'reader_too_slow'; readonly client?: string; readonly waitingBytes: number }
  /** A browser's page of an origin that was not named; both are what the client sent. */
  | { readonly type: 'origin_refused'; readonly origin: string; readonly host: string }
  | { readonly type: 'message_sent'; readonly topic: string; readonly destination: string }
  | { readonly type: 'send_dropped'; readonly topic: string }
  | { readonly type: 'option_overruled'; readonly option: string; readonly why: string }
  /** What is installed isn't what the fan-out knows: everything goes Socket.IO's own way. `why`: what was missed. */
  | { readonly type: 'fanout_plain'; readonly why: string }
  /** What is installed isn't what the limits of strangers are set in. `why`: what was missed. */
  | { readonly type: 'limits_missing'; readonly why: string }
  | TBackplaneReport;

/** What happens between this instance and the others. */
export type TBackplaneReport =
  /** A connection to Redis was lost, or does not answer. Local delivery goes on. */
  | { readonly type: 'backplane_lost'; readonly connection: string; readonly error?: unknown }
  /** Reconnecting fails for a reason that was not reported in this outage yet. */
  | {
      readonly type: 'backplane_failing';
      readonly connection: string;
      readonly afterMs: number;
      readonly error: unknown;
    }
  /**
   * It is back. `dropped`: messages that other instances never got, since the queue was full or they were too old.
   * `uncertain`: messages that were written but not answered, so that other instances may have got them or not.
   */
  | {
      readonly type: 'backplane_restored';
      readonly connection: string;
      readonly afterMs: number;
      readonly dropped: number;
      readonly uncertain: number;
    }
  /**
   * Broadcasts of other instances that did not arrive here. Reported after an outage of the subscriber, and whenever a loss is
   * found. `uncounted`: living instances that do not tell their counts, such as those of version 0.1.
   */
  | { readonly type: 'backplane_missed'; readonly atLeast: number; readonly uncounted: number }
  /** The instance ended while it was away. The counts are those of `backplane_restored`. */
  | {
      readonly type: 'backplane_abandoned';
      readonly connection: string;
      readonly dropped: number;
      readonly uncertain: number;
    }
  /** The subscription was connected and heard nothing; it was replaced. */
  | { readonly type: 'backplane_deaf'; readonly silentMs: number }
  /** Something arrived that no well-behaved instance sends. `count` since the last such report. */
  | { readonly type: 'backplane_junk'; readonly channel: string; readonly why: string; readonly count: number }
  /** Redis refused a command that is not essential; what is lost by it is said. */
  | {
      readonly type: 'backplane_limited';
      readonly command: string;
      readonly consequence: string;
      readonly error: unknown;
    }
  /** Redis grants a subscription that it refused before. */
  | { readonly type: 'backplane_allowed'; readonly command: string; readonly afterMs: number };

/** Takes every report. Never throws. */
export type TReporter = (report: TReport) => void;

/** What a message may replace while that waits: the key of its kind. `args`: the topic and its data. */
export type TKeyOf = (args: readonly unknown[]) => string | undefined;

/** The transport under one or more sockets, as far as endings need it. */
export interface IConnection {
  readonly readyState: string;
  close(): void;
  on(event: 'close', listener: (this: IConnection) => void): unknown;
  on(event: 'packet', listener: (this: IConnection, packet: { type: string; data?: unknown }) => void): unknown;
  once(event: 'close', listener: () => void): unknown;
}

/** How a Socket.IO server is born on a runtime, and how connections and servers end there. */
export interface IRuntime {
  /** Creates the Socket.IO server and attaches it. */
  attach(serverOptions: Partial<ServerOptions>): Server;
  /** Closes a connection once what is queued for it was sent, and cuts it where its peer doesn't let that happen in time. */
  end(connection: IConnection, graceMs: number): void;
  /** Closes a connection at once, whatever waits to be sent or to be read. */
  cut(connection: IConnection): void;
  /** Sets the limits of a peer that is not authenticated. `dropped` is called with the first characters of each message
   * that was too large, undefined where it was binary. */
  limit(connection: IConnection, dropped: (start: string | undefined) => void): void;
  /** The limits do not hold any more. */
  lift(connection: IConnection): void;
  /** Lets go of what nobody needs of a connection whose client is authenticated, and whose handlers are there. */
  settle?(connection: IConnection): void;
  /** Lets go of what is still held of a connection that is gone. */
  release(connection: IConnection): void;
  /** No new connection is accepted from here on. Resolves once the last one that stands has ended. Never rejects. */
  stopAccepting(): Promise<void>;
  /** Closes every connection that still stands. */
  closeAll(): void;
  /** Ends at once, whatever its peer does, every connection that stood when accepting stopped. */
  cutAll(): void;
}

/** A socket of Socket.IO, as far as it is sent to. */
export interface IRecipient {
  readonly id: string;
  readonly client: {
    readonly conn: unknown;
    /** Private: hands packets that are encoded to the connection. */
    writeToEngine(encoded: readonly unknown[], options: IBroadcastOptions): void;
  };
}

/** What Socket.IO hands to the engine beside a message. */
export interface IBroadcastOptions {
  readonly volatile?: boolean;
  readonly compress?: boolean;
  /** Private: the WebSocket frame, its head and its body. */
  wsPreEncodedFrame?: readonly Buffer[];
}

/** A message to any number of sockets, encoded once for all. */
export interface IBroadcast {
  /** As Socket.IO's parser made it: a text, and its attachments. */
  readonly encoded: readonly unknown[];
  readonly options: IBroadcastOptions;
  /** What the fan-out's `prepare()` made of it. */
  readonly prepared: unknown;
  /** What it may replace, while that waits for a peer that reads slowly: an earlier message with the same key. */
  readonly key: string | undefined;
}

/** All members of a room, or of a namespace, as long as nothing changes. */
export interface IAudience {
  readonly sockets: readonly IRecipient[];
  /** What the fan-out keeps of each, by the same index. */
  readonly lanes: unknown[];
  /** Whether a program may listen to what one of them is sent. */
  readonly listens: boolean;
  /** How often programs had begun to listen when this was found. */
  readonly asOf: number;
}

/** How a message gets from an adapter to this instance's own sockets. All that is sent to one socket keeps its order. */
export interface IFanout {
  /** Stands between the engine and Socket.IO from here on; before the first connection. */
  attach(io: Server): void;
  /** The form in which a message goes out; undefined where it has to go Socket.IO's own way. */
  prepare(encoded: readonly unknown[], options: IBroadcastOptions): unknown;
  /** What may be kept of a recipient, so as to find the way to it sooner; undefined where there is nothing yet. */
  laneOf(socket: IRecipient): unknown;
  /** To one socket, by the turn's end. */
  deliver(socket: IRecipient, broadcast: IBroadcast, lane?: unknown): void;
  /** To all of them. `one` delivers to those who are not served together with the others. */
  deliverAll(audience: IAudience, broadcast: IBroadcast, one: (socket: IRecipient, lane: unknown) => void): void;
  /** Checks the budget of a connection after the runtime itself wrote to it. */
  check(connection: IConnection): void;
  /** Sends what waits, and leaves nothing behind in the process. */
  close(): void;
}

/** Makes the adapter of one namespace: what Socket.IO takes as `serverOptions.adapter`. */
export type TAdapterFactory = (namespace: ConstructorParameters<typeof Adapter>[0]) => Adapter;

/** Where a socket id lives: on another instance, on none that lives, or nobody knows, as not every instance answered in time. */
export type TIdOwner = 'elsewhere' | 'nowhere' | 'unanswered';

/** What this instance answers to the others. */
export interface IBackplaneLocal {
  /** Whether a socket of this id, authenticated or not, is connected to this instance. */
  hasSocket(id: string): boolean;
}

/** How instances act as one. */
export interface IBackplane {
  /**
   * Connects, trying again until `timeoutMs` has passed; then rejects with a `RoomgateError` of code
   * `redis_unreachable` that names host and port, leaving nothing open. May be called again after that.
   */
  open(local: IBackplaneLocal, timeoutMs: number): Promise<void>;
  /** For `io.adapter()`; undefined means Socket.IO's own, in memory. Only after `open`. */
  adapterFactory(): TAdapterFactory | undefined;
  /** The plain emitter on the third connection; undefined where there is no Redis. Only after `open`. */
  emitter(): unknown;
  /** Asks every living instance which of these socket ids it has. Never rejects; answers within `timeoutMs`. */
  findSockets(ids: readonly string[], timeoutMs: number): Promise<ReadonlyMap<string, TIdOwner>>;
  /** The number of other living instances, as of the last `findSockets`. */
  instances(): number;
  /** Says goodbye and quits; what has not ended within `timeoutMs` is cut. Never rejects. Harmless when not open. */
  close(timeoutMs: number): Promise<void>;
}
