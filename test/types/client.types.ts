/** Checked by the compiler, never run. `@ts-expect-error` marks code that must not compile. */
import type { Socket } from 'socket.io-client';
import {
  type IJoinAnswer,
  type ILeaveAnswer,
  type ILogger,
  type IOptions,
  type ISocketIOClientOptions,
  type ISocketIOClientStatus,
  SocketIOClientHelper,
  SocketIOClientStates,
  type TCredentials,
  type TCredentialsReason,
  type TSocketIOClientState,
  type TSocketIOEventHandler,
} from '../../src/client/index.js';

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
function same<A, B>(_: Equal<A, B>): void {}

const options = { identifier: 'a', host: 'http://127.0.0.1', options: { path: '/io' } };

interface Down {
  said(message: { from: string; text: string }): void;
  moved(x: number, y: number): void;
  closed(): void;
}
interface Up {
  say(text: string): void;
  leaveAll(): void;
}
interface Between {
  reload(what: string): void;
}
interface Data {
  user: string;
}

const typed = new SocketIOClientHelper<Down, Up, Between, Data>(options);
export const halfTyped: SocketIOClientHelper<Down, Up> = new SocketIOClientHelper<Down, Up>(options);

typed.subscribe({
  event: 'said',
  handler: (message) => same<typeof message, { from: string; text: string }>(true),
});
typed.subscribe({ event: 'moved', handler: (x, y) => same<[typeof x, typeof y], [number, number]>(true) });
typed.subscribe({ event: 'closed', handler: async () => {}, ignoreDuplicate: false });
typed.subscribe({ event: 'disconnect', handler: (reason) => same<typeof reason, string>(true) });
typed.subscribe({ event: 'unauthenticated', handler: ({ code, message }) => void `${code}: ${message}` });
// @ts-expect-error: the server sends no such event
typed.subscribe({ event: 'sayd', handler: () => {} });
// @ts-expect-error: the event has another payload
typed.subscribe({ event: 'said', handler: (message: number) => void message });
// @ts-expect-error: expected a number
typed.subscribe<number>({ event: 'said', handler: (message: number) => void message });
typed.subscribeMany({ events: { said: ({ text }) => void text.length, closed: () => {} } });
// @ts-expect-error: the server sends no such event
typed.subscribeMany({ events: { sayd: () => {} } });
// @ts-expect-error: the event has another payload
typed.subscribeMany({ events: { said: (message: number) => void message } });
typed.unsubscribe({ event: 'said' });
typed.unsubscribe({ event: 'said', handler: (message: { from: string; text: string }) => void message });
// @ts-expect-error: the server sends no such event
typed.unsubscribe({ event: 'sayd' });
typed.unsubscribeMany({ events: ['said', 'closed'] });
// @ts-expect-error: the server sends no such event
typed.unsubscribeMany({ events: ['sayd'] });

typed.emit({ topic: 'say', data: 'hi' });
typed.emit({ topic: 'leaveAll' });
typed.emit({ topic: 'leaveAll', data: undefined, doLog: true, cb: () => {} });
// @ts-expect-error: the server knows no such topic
typed.emit({ topic: 'sayy', data: 'hi' });
// @ts-expect-error: this is an event of the server, not of the client
typed.emit({ topic: 'said', data: { from: 'a', text: 'b' } });
// @ts-expect-error: the topic has other data
typed.emit({ topic: 'say', data: 5 });
// @ts-expect-error: the topic has other data, even with an explicit type argument
typed.emit<number>({ topic: 'say', data: 5 });
// @ts-expect-error: the data is missing
typed.emit({ topic: 'say' });
// @ts-expect-error: this topic has no data
typed.emit({ topic: 'leaveAll', data: 1 });
same<ReturnType<typeof typed.getSocketClient>, Socket<Down, Up>>(true);

const loose = new SocketIOClientHelper({
  ...options,
  onConnected: () => {},
  onDisconnected: async (reason) => same<typeof reason, string>(true),
  onError: (error) => same<typeof error, Error>(true),
  onAuthenticated: async () => {},
  onUnauthenticated: (message) => same<typeof message, string>(true),
});

loose.subscribe({ event: 'anything', handler: (data) => same<typeof data, unknown>(true) });
loose.subscribe({ event: 'anything', handler: (data: { a: number }) => void data.a });
loose.subscribe<{ a: number }>({ event: 'anything', handler: (data) => same<typeof data, { a: number }>(true) });
loose.subscribe<string>({ event: 'anything', handler: async (data) => same<typeof data, string>(true) });
loose.subscribe<'on' | 'off'>({ event: 'anything', handler: (data) => same<typeof data, 'on' | 'off'>(true) });
// The results of handlers and callbacks are ignored.
const list: unknown[] = [];
loose.subscribe({ event: 'anything', handler: (data) => list.push(data) });
loose.subscribe<string>({ event: 'anything', handler: async (data) => list.push(data) });
loose.subscribeMany({ events: { anything: (data: string) => list.push(data) } });
typed.subscribe({ event: 'said', handler: (message) => list.push(message) });
new SocketIOClientHelper({
  identifier: 'a',
  host: 'http://localhost',
  options: { path: '/io' },
  onConnected: () => list.push('connected'),
  onDisconnected: (reason) => list.push(reason),
  onError: (error) => list.push(error),
  onAuthenticated: () => list.push('authenticated'),
  onUnauthenticated: (message) => list.push(message),
  onRoomsRejoined: async (answer) => list.push(answer),
  onStatusChanged: (status) => list.push(status),
});
// @ts-expect-error: the handler's parameter has the payload's type
loose.subscribe<string>({ event: 'anything', handler: (data: number) => void data });
// @ts-expect-error: the name of the event is required
loose.subscribe({ event: 5, handler: () => {} });
declare const handlers: Record<string, TSocketIOEventHandler>;
loose.subscribeMany({ events: handlers });
loose.subscribeMany({ events: { a: (data: string) => void data, b: (data: number) => void data, c: () => {} } });
loose.unsubscribe({ event: 'anything', handler: (data: string) => void data });
loose.unsubscribeMany({ events: ['anything'] });

loose.emit({ topic: 'anything', data: { whatever: 1 } });
loose.emit({ topic: 'anything' });
loose.emit<{ a: number }>({ topic: 'anything', data: { a: 1 }, doLog: false, cb: () => {} });
loose.emit<string>({ topic: 'anything', data: 'x' });
// @ts-expect-error: not the declared payload
loose.emit<{ a: number }>({ topic: 'anything', data: 'x' });
// @ts-expect-error: the topic is required
loose.emit({ data: 1 });
same<ReturnType<typeof loose.getSocketClient>, Socket>(true);

const joined = loose.joinRooms({ rooms: ['a'] });
same<typeof joined, Promise<IJoinAnswer>>(true);
const left = loose.leaveRooms({ rooms: ['a'] as readonly string[] });
same<typeof left, Promise<ILeaveAnswer>>(true);
// @ts-expect-error: expected a list
loose.joinRooms({ rooms: 'a' });
same<ReturnType<typeof loose.getState>, TSocketIOClientState>(true);
same<TSocketIOClientState, 'unauthorized' | 'authenticating' | 'authenticated'>(true);
const input: unknown = 'authenticated';
if (SocketIOClientStates.isValid(input)) same<typeof input, TSocketIOClientState>(true);

export const everyOption: IOptions = {
  path: '/io',
  extraHeaders: { authorization: 'x', 5: 6 },
  transports: ['websocket'],
  auth: { token: 'x' },
  reconnectionDelay: 5,
  autoConnect: false,
};
// @ts-expect-error: the path is required
export const withoutPath: IOptions = {};
// @ts-expect-error: the host is required
export const withoutHost: ISocketIOClientOptions = { identifier: 'a', options: { path: '/io' } };
declare const logger: ILogger;
export const logged: ISocketIOClientOptions[] = [
  { ...options, logger },
  { ...options, logger: false },
  { ...options, logger: console },
  { ...options, roomsTimeout: 100 },
];
// @ts-expect-error: no such level
export const halfLogged: ISocketIOClientOptions = { ...options, logger: { info() {} } };

// Who the client is.
const status = typed.getStatus();
same<typeof status, ISocketIOClientStatus>(true);
same<typeof status.user, string | undefined>(true);
same<typeof status.session, string | undefined>(true);
typed.onStatus(({ status: word, user }) => void `${word} ${user?.length ?? 0}`);
// @ts-expect-error: without an identity there is no user
export const name: string = status.user;
// @ts-expect-error: the status never changes
status.user = 'ann';
typed.subscribe({
  event: 'authenticated',
  handler: ({ user, session, expiresIn, renewed }) => {
    same<typeof user, string | undefined>(true);
    same<typeof session, string | undefined>(true);
    same<typeof expiresIn, number | undefined>(true);
    same<typeof renewed, true | undefined>(true);
  },
});

// Credentials, for each reason.
same<TCredentialsReason, 'connect' | 'reconnect' | 'renew'>(true);
new SocketIOClientHelper({ ...options, credentials: async ({ reason }) => (reason === 'renew' ? null : { token: 1 }) });
new SocketIOClientHelper({ ...options, credentials: () => null });
export const signedOut: TCredentials = () => null;
// @ts-expect-error: undefined is most often a forgotten return
new SocketIOClientHelper({ ...options, credentials: () => undefined });
// @ts-expect-error: credentials are an object
new SocketIOClientHelper({ ...options, credentials: () => 'token' });
// @ts-expect-error: there is no such reason
new SocketIOClientHelper({ ...options, credentials: ({ reason }) => ({ fresh: reason === 'renewal' }) });

// Waking up, and leaving.
const woken = typed.wake();
same<typeof woken, void>(true);
const signingOut = typed.signOut();
same<typeof signingOut, Promise<void>>(true);
// @ts-expect-error: it takes no argument
typed.signOut({ clear: true });
// @ts-expect-error: it takes no argument
typed.wake(1_000);
