import type { IAuthenticatedMessage, IPingMessage, IUnauthenticatedMessage } from '../protocol/messages.js';
import type { TSocketIOEventHandler, ValueOrPromise } from '../protocol/types.js';

/** Event names to the signatures of their handlers, as in Socket.IO. */
// biome-ignore lint/suspicious/noExplicitAny: Socket.IO's own bound for its event maps
export type TClientEventsMap = { [event: string]: any };

/** Every name, every payload: what holds as long as no map is given. */
// biome-ignore lint/suspicious/noExplicitAny: Socket.IO's own default for its event maps
export type TLooseEvents = { [event: string]: (...args: any[]) => void };

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

type TListenable<L extends TClientEventsMap> = Omit<IOwnEvents, keyof L> & L;

/** The events that a client with this map may subscribe to. */
export type TListenTopic<L extends TClientEventsMap> = keyof TListenable<L> & string;

type THandlerOf<L extends TClientEventsMap, T extends TListenTopic<L>> = TListenable<L>[T] extends (
  ...args: infer A
) => unknown
  ? (...args: A) => ValueOrPromise<void>
  : never;

interface ISubscription<Event, Handler> {
  event: Event;
  handler: Handler;
  /** Default true: does nothing where a handler was subscribed to the event already. */
  ignoreDuplicate?: boolean | undefined;
}

export type TSubscribeLoosely<L extends TClientEventsMap, T> = TOpen<
  L,
  ISubscription<string, TSocketIOEventHandler<T>>
>;

export type TSubscribeTyped<L extends TClientEventsMap, T extends TListenTopic<L>> = TClosed<
  L,
  ISubscription<T, THandlerOf<L, T>>
>;

export type THandlers<L extends TClientEventsMap> = string extends keyof L
  ? // biome-ignore lint/suspicious/noExplicitAny: handlers of different payloads stand side by side in one record
    Record<string, TSocketIOEventHandler<any>>
  : { [T in TListenTopic<L>]?: THandlerOf<L, T> };

/** Any function: `unsubscribe` compares it and does not call it. */
export type TAnyHandler = (...args: never[]) => unknown;

interface IEmission<Topic> {
  topic: Topic;
  /** Default false: logs, at info, that it was handed over; the topic, never the data. */
  doLog?: boolean | undefined;
  /** Runs after it was handed over, never before `emit` has returned. */
  cb?: (() => unknown) | undefined;
}

type TPayloadOf<E extends TClientEventsMap, T extends keyof E> = E[T] extends (...args: infer A) => unknown
  ? A extends []
    ? undefined
    : A[0]
  : never;

export type TEmitLoosely<E extends TClientEventsMap, T> = TOpen<E, IEmission<string> & { data?: T }>;

export type TEmitTyped<E extends TClientEventsMap, T extends keyof E & string> = TClosed<
  E,
  IEmission<T> & (TPayloadOf<E, T> extends undefined ? { data?: undefined } : { data: TPayloadOf<E, T> })
>;
