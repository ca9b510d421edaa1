import type { ValueOrPromise } from '../common/types.js';
import type { TEventsMap, TLooseData, TLooseEvents, TPayload, TTopic } from '../protocol/event-maps.js';
import type { Schema, SchemaInput, SchemaOutput } from '../protocol/schema.js';
import type { KnownIdentity } from './identity.js';
import type { IOSocket } from './socket.js';

/** The data that a handler gets: of its schema, or without one of the event map. */
export type HandlerData<Map extends TEventsMap, T extends keyof Map, Input> = Input extends Schema
  ? SchemaOutput<Input>
  : TPayload<Map, T>;

/** The result of a handler: what its schema accepts, or without one anything. */
export type HandlerResult<Output> = Output extends Schema ? SchemaInput<Output> : unknown;

/** The argument of a handler. */
export interface HandlerCall<
  Data = TLooseData,
  L extends TEventsMap = TLooseEvents,
  E extends TEventsMap = TLooseEvents,
  S extends TEventsMap = TLooseEvents,
  D = TLooseData,
  C = TLooseData,
> {
  /** The payload of the event, as the schema `input` returned it. Undefined if the client sent none. */
  readonly data: Data;
  readonly socket: IOSocket<L, E, S, D>;
  /** Who the client is; undefined if `authenticateFn` returned `true`. */
  readonly identity: KnownIdentity<C> | undefined;
  /** Aborts when the client has left, and when `handlerTimeout` has passed. */
  readonly signal: AbortSignal;
}

/** The argument of `handle()`. */
export interface HandleOptions<
  L extends TEventsMap = TLooseEvents,
  E extends TEventsMap = TLooseEvents,
  S extends TEventsMap = TLooseEvents,
  D = TLooseData,
  C = TLooseData,
  T extends TTopic<L> = TTopic<L>,
  Input extends Schema | undefined = Schema | undefined,
  Output extends Schema | undefined = Schema | undefined,
> {
  topic: T;
  /** A schema of the payload. Without it the handler gets what the client sent, unchecked. */
  input?: Input;
  /** A schema of the result. A result that it refuses is reported, and the client receives `internal`. */
  output?: Output;
  /** The codes of `ClientError` that the handler may throw. Without it: any. Invalid codes are refused with `invalid_argument`. */
  errors?: readonly string[] | undefined;
  /** Names the room that the client has to be in. Otherwise it receives `not_in_room`, and the handler is not called. */
  memberOf?: ((data: HandlerData<L, T, Input>) => string) | undefined;
  /**
   * How many events of this topic each user may send: `messages` at once, then one more each `per / messages` ms. An event above that receives
   * `rate_limited`.
   */
  limit?: { messages: number; per: number } | undefined;
  handler: (call: HandlerCall<HandlerData<L, T, Input>, L, E, S, D, C>) => ValueOrPromise<HandlerResult<Output>>;
}
