import type { RoomgateError } from '../protocol/errors.js';
import type { TAcknowledgement, TEventsMap, TNeedsAnswer, TPayload, TTopic } from '../protocol/event-maps.js';
import type { IAuthenticatedMessage, IPingMessage, IUnauthenticatedMessage } from '../protocol/messages.js';

/*
 * Each method that takes an event has three signatures:
 *
 *   loose    for a client without event maps. An explicit type argument is the payload, as the documentation says.
 *   generic  for functions with an event map as a type parameter. Its type is no conditional type, because the compiler
 *            can't assign to one of these before it knows the map. All its type arguments are inferred: there are two, so that
 *            an explicit payload does not select it.
 *   typed    for a client with event maps. The compiler reports the errors of this last one.
 */

/** The events that every client can receive, with any map of the program. */
export interface IClientEvents {
  connect(): void;
  connect_error(error: Error): void;
  disconnect(reason: string): void;
  authenticated(message: IAuthenticatedMessage): void;
  unauthenticated(message: IUnauthenticatedMessage): void;
  ping(message: IPingMessage): void;
}

/** The map of a client, with the events that every client can receive. */
export type TListenEvents<L extends TEventsMap> = Omit<IClientEvents, keyof L> & L;

/**
 * The events that a client with this map may subscribe to.
 * @example
 * function useEvent<L extends TEventsMap, E extends TEventsMap, K extends TListenTopic<L>>(
 *   client: SocketIOClientHelper<L, E>,
 *   event: K,
 *   handler: THandlerOf<L, K>,
 * ): () => void {
 *   return client.subscribe({ event, handler, ignoreDuplicate: false });
 * }
 */
export type TListenTopic<L extends TEventsMap> = keyof TListenEvents<L> & string;

/** The handler of an event. It gets the data of the event. Its result is ignored. */
export type THandlerOf<L extends TEventsMap, T extends TListenTopic<L>> = TListenEvents<L>[T] extends (
  ...args: infer A
) => unknown
  ? (...args: A) => unknown
  : never;

/** The argument of `subscribe`. */
export interface ISubscription<Event, Handler> {
  event: Event;
  handler: Handler;
  /** Whether the handler is ignored if the event has one already. Default true. */
  ignoreDuplicate?: boolean | undefined;
}

/** The argument of `subscribe` of a client without event maps. `T` is the payload. */
export type TLooseSubscription<L extends TEventsMap, T> = string extends keyof L
  ? ISubscription<string, (data: T) => unknown>
  : never;

/** The argument of `subscribe` of a client with event maps. */
export type TTypedSubscription<L extends TEventsMap, T extends TListenTopic<L>> = string extends keyof L
  ? never
  : ISubscription<T, THandlerOf<L, T>>;

/** The handlers of `subscribeMany`, by event. */
export type THandlers<L extends TEventsMap> = string extends keyof L
  ? // biome-ignore lint/suspicious/noExplicitAny: handlers of different payloads stand side by side in one record
    Record<string, (data: any) => unknown>
  : { [T in TListenTopic<L>]?: THandlerOf<L, T> };

/** Any function: `unsubscribe` compares it and does not call it. */
export type TAnyHandler = (...args: never[]) => unknown;

/** The options of `emit` without the data. */
export interface IEmission<Topic> {
  topic: Topic;
  /** Whether to log the topic, never the data, at level `info` once it was sent. Default false. */
  doLog?: boolean | undefined;
  /**
   * Runs after the message was passed to Socket.IO, never before `emit` has returned. With the option `queue` it gets an error if
   * the message could not be sent.
   */
  cb?: ((error?: RoomgateError) => unknown) | undefined;
}

/** The topics of a map that may be emitted without an acknowledgement. The others need `request()`. */
export type TEmitTopic<E extends TEventsMap> = {
  [T in TTopic<E>]: TNeedsAnswer<E[T]> extends true ? never : T;
}[TTopic<E>];

/** The data of a topic; optional if the topic has none. */
export type TDataOf<E extends TEventsMap, T extends TTopic<E>> =
  TPayload<E, T> extends undefined ? { data?: undefined } : { data: TPayload<E, T> };

/** `emit()` sends no acknowledgement, and the handler of this event on the server calls one. Use `request()` instead. */
export interface IUseRequest {
  /** Any, so that the compiler reports the other property. */
  data?: unknown;
  'this event needs an acknowledgement: use request() instead of emit()': never;
}

/** The argument of `emit` of a client without event maps. `T` is the data. */
export type TLooseEmission<E extends TEventsMap, T> = string extends keyof E ? IEmission<string> & { data?: T } : never;

/** The argument of `emit` of a client with event maps. */
export type TTypedEmission<E extends TEventsMap, T extends TTopic<E>> = string extends keyof E
  ? never
  : IEmission<T> & (TNeedsAnswer<E[T]> extends true ? IUseRequest : TDataOf<E, T>);

/** The topics of a map whose last argument is an acknowledgement. */
export type TRequestTopic<E extends TEventsMap> = {
  [T in TTopic<E>]: string extends T ? T : [TAcknowledgement<E[T]>] extends [never] ? never : T;
}[TTopic<E>];

/** The answer to a topic: the first argument of its acknowledgement. */
export type TAnswer<E extends TEventsMap, T extends TTopic<E>> =
  TAcknowledgement<E[T]> extends (...args: infer A) => unknown ? (A extends [] ? undefined : A[0]) : never;

/** The options of `request` without the data. */
export interface IRequest<Topic> {
  topic: Topic;
  /** Milliseconds for everything: waiting in the queue, sending, and waiting for the answer. Default 10 000. */
  timeout?: number | undefined;
  /** Ends the request. The promise rejects with the reason of the signal. */
  signal?: AbortSignal | undefined;
}

/** The argument of `request` of a client without event maps. */
export type TLooseRequest<E extends TEventsMap> = string extends keyof E
  ? IRequest<string> & { data?: unknown }
  : never;

/** The argument of `request` of a client with event maps. */
export type TTypedRequest<E extends TEventsMap, T extends TRequestTopic<E>> = string extends keyof E
  ? never
  : IRequest<T> & TDataOf<E, T>;
