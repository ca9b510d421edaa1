/** Every outcome is one report. Secrets and payloads are not in reports; `error` is what the program's own code threw. */
export type Report =
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
  | BackplaneReport;

/** What happens between this instance and the others. */
export type BackplaneReport =
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
export type Reporter = (report: Report) => void;
