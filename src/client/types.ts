import type { RoomgateError } from '../protocol/errors.js';
import type { TEventsMap, TPayload } from '../protocol/event-maps.js';
import type { IAuthenticatedMessage, IPingMessage, IUnauthenticatedMessage } from '../protocol/messages.js';

/** Names and payloads of a map that is closed, and never for a map that takes any name. */
type TClosed<Map, T> = string extends keyof Map ? never : T;
type TOpen<Map, T> = string extends keyof Map ? T : never;

/** What every client may hear, whatever the map of a program says. */
interface IOwnEvents {
  connect(): void;
  connect_error(error: Error): void;
  disconnect(reason: string): void;
  authenticated(message: IAuthenticatedMessage): void;
  unauthenticated(message: IUnauthenticatedMessage): void;
  ping(message: IPingMessage): void;
}

type TListenable<L extends TEventsMap> = Omit<IOwnEvents, keyof L> & L;

/** The events that a client with this map may subscribe to. */
export type TListenTopic<L extends TEventsMap> = keyof TListenable<L> & string;

/** A `TSocketIOEventHandler`, or a function that returns something else: nothing reads the result of a handler. */
type THandlerOfAny<T> = (data: T) => unknown;

type THandlerOf<L extends TEventsMap, T extends TListenTopic<L>> = TListenable<L>[T] extends (
  ...args: infer A
) => unknown
  ? (...args: A) => unknown
  : never;

interface ISubscription<Event, Handler> {
  event: Event;
  handler: Handler;
  /** Default true: does nothing where a handler was subscribed to the event already. */
  ignoreDuplicate?: boolean | undefined;
}

export type TSubscribeLoosely<L extends TEventsMap, T> = TOpen<L, ISubscription<string, THandlerOfAny<T>>>;

export type TSubscribeTyped<L extends TEventsMap, T extends TListenTopic<L>> = TClosed<
  L,
  ISubscription<T, THandlerOf<L, T>>
>;

export type THandlers<L extends TEventsMap> = string extends keyof L
  ? // biome-ignore lint/suspicious/noExplicitAny: handlers of different payloads stand side by side in one record
    Record<string, THandlerOfAny<any>>
  : { [T in TListenTopic<L>]?: THandlerOf<L, T> };

/** Any function: `unsubscribe` compares it and does not call it. */
export type TAnyHandler = (...args: never[]) => unknown;

interface IEmission<Topic> {
  topic: Topic;
  /** Default false: logs, at info, that it was handed over; the topic, never the data. */
  doLog?: boolean | undefined;
  /**
   * Runs after it was handed over, never before `emit` has returned. With the option `queue` it is given an error where the
   * message could not be sent.
   */
  cb?: ((error?: RoomgateError) => unknown) | undefined;
}

export type TEmitLoosely<E extends TEventsMap, T> = TOpen<E, IEmission<string> & { data?: T }>;

export type TEmitTyped<E extends TEventsMap, T extends keyof E & string> = TClosed<
  E,
  IEmission<T> & (TPayload<E, T> extends undefined ? { data?: undefined } : { data: TPayload<E, T> })
>;
