import type { RoomgateError } from '../protocol/errors.js';
import type { TEventsMap, TPayload } from '../protocol/event-maps.js';
import type { IAuthenticatedMessage, IPingMessage, IUnauthenticatedMessage } from '../protocol/messages.js';

/** Names and payloads of a map that is closed, and never for a map that takes any name. */
type Closed<Map, T> = string extends keyof Map ? never : T;
type Open<Map, T> = string extends keyof Map ? T : never;

/** The events that every client can receive, whatever map the program has. */
interface OwnEvents {
  connect(): void;
  connect_error(error: Error): void;
  disconnect(reason: string): void;
  authenticated(message: IAuthenticatedMessage): void;
  unauthenticated(message: IUnauthenticatedMessage): void;
  ping(message: IPingMessage): void;
}

type Listenable<L extends TEventsMap> = Omit<OwnEvents, keyof L> & L;

/** The events that a client with this map may subscribe to. */
export type ListenTopic<L extends TEventsMap> = keyof Listenable<L> & string;

/** A `TSocketIOEventHandler`, or a function that returns something else: nothing reads the result of a handler. */
type HandlerOfAny<T> = (data: T) => unknown;

type HandlerOf<L extends TEventsMap, T extends ListenTopic<L>> = Listenable<L>[T] extends (...args: infer A) => unknown
  ? (...args: A) => unknown
  : never;

interface Subscription<Event, Handler> {
  event: Event;
  handler: Handler;
  /** Default true: does nothing if the event has a handler already. */
  ignoreDuplicate?: boolean | undefined;
}

export type SubscribeLoosely<L extends TEventsMap, T> = Open<L, Subscription<string, HandlerOfAny<T>>>;

export type SubscribeTyped<L extends TEventsMap, T extends ListenTopic<L>> = Closed<
  L,
  Subscription<T, HandlerOf<L, T>>
>;

export type TopicHandlers<L extends TEventsMap> = string extends keyof L
  ? // biome-ignore lint/suspicious/noExplicitAny: handlers of different payloads stand side by side in one record
    Record<string, HandlerOfAny<any>>
  : { [T in ListenTopic<L>]?: HandlerOf<L, T> };

/** Any function: `unsubscribe` compares it and does not call it. */
export type AnyHandler = (...args: never[]) => unknown;

interface Emission<Topic> {
  topic: Topic;
  /** Default false: logs, at info, that it was handed over; the topic, never the data. */
  doLog?: boolean | undefined;
  /**
   * Runs after the message was passed to Socket.IO, never before `emit` has returned. With the option `queue` it gets an error if
   * the message could not be sent.
   */
  cb?: ((error?: RoomgateError) => unknown) | undefined;
}

export type EmitLoosely<E extends TEventsMap, T> = Open<E, Emission<string> & { data?: T }>;

export type EmitTyped<E extends TEventsMap, T extends keyof E & string> = Closed<
  E,
  Emission<T> & (TPayload<E, T> extends undefined ? { data?: undefined } : { data: TPayload<E, T> })
>;
