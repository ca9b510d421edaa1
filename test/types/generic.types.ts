/** Checked by the compiler, never run: wrappers of both helpers that are generic over event maps, without a cast. */
import {
  SocketIOClientHelper,
  type SocketIOServerHelper,
  type TAnswer,
  type TEmitTopic,
  type TEventsMap,
  type THandlerOf,
  type TListenTopic,
  type TPayload,
  type TRequestTopic,
  type TServerHandlerOf,
  type TServerTopic,
  type TTopic,
} from '../../src/index.js';

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
function same<A, B>(_: Equal<A, B>): void {}

interface Down {
  said(message: { from: string; text: string }): void;
  moved(x: number, y: number): void;
  closed(): void;
}
interface Up {
  say(text: string): void;
  leaveAll(): void;
  ask(question: string, ack: (answer: number) => void): void;
  now(ack: (time: Date) => void): void;
  maybe(text: string, ack?: (answer: boolean) => void): void;
}
interface Between {
  reload(what: string): void;
}

const options = { identifier: 'a', host: 'http://127.0.0.1', options: { path: '/io' } };
const typed = new SocketIOClientHelper<Down, Up>(options);
const fourMaps = new SocketIOClientHelper<Down, Up, Between, { user: string }>(options);
const downOnly = new SocketIOClientHelper<Down>(options);
const loose = new SocketIOClientHelper(options);

/** As in a program for a client whose other maps do not matter. */
function useEvent<L extends TEventsMap, K extends TListenTopic<L>>(
  client: SocketIOClientHelper<L>,
  event: K,
  handler: THandlerOf<L, K>,
): () => void {
  const stop = client.subscribe({ event, handler });
  client.unsubscribe({ event, handler });
  client.unsubscribeMany({ events: [event] });
  return stop;
}

useEvent(downOnly, 'said', ({ text }) => void text.length);
useEvent(typed, 'said', ({ text }) => void text.length);
useEvent(fourMaps, 'moved', (x, y) => same<[typeof x, typeof y], [number, number]>(true));
useEvent(typed, 'disconnect', (reason) => same<typeof reason, string>(true));
useEvent(loose, 'anything', (data: string) => void data.length);
// @ts-expect-error: the server sends no such event
useEvent(typed, 'sayd', () => {});
// @ts-expect-error: the event has another payload
useEvent(typed, 'said', (message: number) => void message);

function say<E extends TEventsMap, K extends TEmitTopic<E>>(
  client: SocketIOClientHelper<TEventsMap, E>,
  topic: K,
  data: TPayload<E, K>,
): void {
  client.emit({ topic, data });
  client.emit({ topic, data, doLog: true, cb: () => {} });
}
say(typed, 'say', 'hi');
say(fourMaps, 'leaveAll', undefined);
say(loose, 'anything', 5);
// @ts-expect-error: the server knows no such topic
say(typed, 'sayy', 'hi');
// @ts-expect-error: the topic has other data
say(typed, 'say', 5);
// @ts-expect-error: this event needs an acknowledgement
say(typed, 'ask', 'why');

async function ask<E extends TEventsMap, K extends TRequestTopic<E>>(
  client: SocketIOClientHelper<TEventsMap, E>,
  topic: K,
  data: TPayload<E, K>,
): Promise<TAnswer<E, K>> {
  return client.request({ topic, data, timeout: 1_000 });
}
same<ReturnType<typeof ask<Up, 'ask'>>, Promise<number>>(true);
const answer = ask(typed, 'ask', 'why');
same<typeof answer, Promise<number>>(true);
const time = ask(typed, 'now', undefined);
same<typeof time, Promise<Date>>(true);
// @ts-expect-error: the server does not acknowledge this one
ask(typed, 'say', 'hi');

typed.emit({ topic: 'maybe', data: 'x' });
// @ts-expect-error: the handler on the server calls an acknowledgement
typed.emit({ topic: 'ask', data: 'x' });
// @ts-expect-error: also without data
typed.emit({ topic: 'now' });
const number = typed.request({ topic: 'ask', data: 'why' });
same<typeof number, Promise<number>>(true);
const now = typed.request({ topic: 'now' });
same<typeof now, Promise<Date>>(true);
const perhaps = typed.request({ topic: 'maybe', data: 'x', timeout: 5, signal: new AbortController().signal });
same<typeof perhaps, Promise<boolean>>(true);
// @ts-expect-error: the topic has other data
typed.request({ topic: 'ask', data: 5 });
// @ts-expect-error: the data is missing
typed.request({ topic: 'ask' });
// @ts-expect-error: the server does not acknowledge this one
typed.request({ topic: 'say', data: 'hi' });
// @ts-expect-error: no such topic
typed.request({ topic: 'asked', data: 'hi' });
const whatever = loose.request({ topic: 'anything', data: { a: 1 } });
same<typeof whatever, Promise<unknown>>(true);
const claimed = loose.request<{ ok: boolean }>({ topic: 'anything' });
same<typeof claimed, Promise<{ ok: boolean }>>(true);
// @ts-expect-error: the topic is required
loose.request({ data: 1 });

function broadcast<L extends TEventsMap, E extends TEventsMap, K extends TTopic<E>>(
  server: SocketIOServerHelper<L, E>,
  topic: K,
  data: TPayload<E, K>,
): void {
  server.send({ payload: { topic, data } });
  server.send({ destination: ['a', 'b'], payload: { topic, data }, doLog: true });
}
declare const server: SocketIOServerHelper<Up, Down, Between, { user: string }>;
declare const anyServer: SocketIOServerHelper;
broadcast(anyServer, 'anything', 5);

broadcast(server, 'said', { from: 'ann', text: 'hi' });
// @ts-expect-error: no such topic
broadcast(server, 'sayd', 'hi');
// @ts-expect-error: the topic has other data
broadcast(server, 'said', 'hi');

function listen<
  L extends TEventsMap,
  E extends TEventsMap,
  S extends TEventsMap,
  D,
  K extends TServerTopic<L, E, S, D>,
>(helper: SocketIOServerHelper<L, E, S, D>, topic: K, handler: TServerHandlerOf<L, E, S, D, K>): void {
  helper.on({ topic, handler });
}
listen(server, 'reload', (what) => same<typeof what, string>(true));
listen(anyServer, 'anything', (count: number) => void count);
// @ts-expect-error: other instances send no such event
listen(server, 'reloaded', () => {});
server.on({ topic: 'reload', handler: (what) => same<typeof what, string>(true) });
server.on({ topic: 'connection', handler: (socket) => same<typeof socket.data, { user: string }>(true) });
// @ts-expect-error: other instances send no such event
server.on({ topic: 'reloaded', handler: () => {} });
// @ts-expect-error: the event has another payload
server.on({ topic: 'reload', handler: (count: number) => void count });
const list: unknown[] = [];
server.on({ topic: 'reload', handler: (what) => list.push(what) });
anyServer.on({ topic: 'connection', handler: (socket) => list.push(socket) });
