/** Checked by the compiler, never run. `@ts-expect-error` marks code that must not compile. */
import type { Server as HttpServer } from 'node:http';
import type { Server } from 'socket.io';
import type { Scope } from '../../src/common/scope.js';
import type { Explanation } from '../../src/limits/explanation.js';
import type { KnownIdentity } from '../../src/ports/identity.js';
import type {
  AuthenticateFn,
  IHandshake,
  TSocketIOAuthenticateFn,
  TSocketIOClientConnectedFn,
} from '../../src/ports/options.js';
import type { ISocketIOClient } from '../../src/ports/socket.js';
import type { TSocketIOServerOptions } from '../../src/server/options.js';
import { SocketIOServerHelper } from '../../src/server/server-helper.js';

declare const server: HttpServer;
const rest = { runtime: 'node', server, identifier: 'a', serverOptions: {}, authenticateFn: () => true } as const;

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
function same<A, B>(_: Equal<A, B>): void {}

interface Up {
  say(text: string): void;
}
interface Down {
  said(message: { from: string; text: string }): void;
  closed(): void;
}
interface Between {
  reload(what: string): void;
}
interface Data {
  user: string;
}

const typed = new SocketIOServerHelper<Up, Down, Between, Data>({
  ...rest,
  validateRoomFn: ({ socket, rooms }) => {
    same<typeof socket.data, Data>(true);
    same<typeof rooms, string[]>(true);
    return rooms;
  },
  clientConnectedFn: ({ socket }) => {
    socket.on('say', (text) => same<typeof text, string>(true));
    // @ts-expect-error: clients do not emit this event
    socket.on('shout', () => {});
  },
});

typed.send({ payload: { topic: 'said', data: { from: 'ann', text: 'hi' } } });
typed.send({ payload: { topic: 'closed' } });
typed.send({ destination: ['a', 'b'], payload: { topic: 'closed', data: undefined }, doLog: true, cb: () => {} });
// @ts-expect-error: no such topic
typed.send({ payload: { topic: 'sayd', data: { from: 'ann', text: 'hi' } } });
// @ts-expect-error: the topic has other data
typed.send({ payload: { topic: 'said', data: 'hi' } });
// @ts-expect-error: the data is missing
typed.send({ payload: { topic: 'said' } });
// @ts-expect-error: this topic has no data
typed.send({ payload: { topic: 'closed', data: 1 } });
// @ts-expect-error: a destination is a string or a list of strings
typed.send({ destination: 5, payload: { topic: 'closed' } });
same<ReturnType<typeof typed.getIOServer>, Server<Up, Down, Between, Data>>(true);

const loose = new SocketIOServerHelper(rest);
new SocketIOServerHelper({ ...rest, onFailure: { connected: 'keep' } });
new SocketIOServerHelper({ ...rest, onFailure: { connected: undefined } });
// @ts-expect-error: not one of the two values
new SocketIOServerHelper({ ...rest, onFailure: { connected: 'stay' } });
// @ts-expect-error: no such option
new SocketIOServerHelper({ ...rest, onFailure: { disconnected: 'keep' } });
// The result of this callback is ignored.
new SocketIOServerHelper({ ...rest, clientConnectedFn: ({ socket }) => socket.on('say', () => {}) });
declare const named: TSocketIOClientConnectedFn;
new SocketIOServerHelper({ ...rest, clientConnectedFn: named });
loose.send({ payload: { topic: 'anything', data: { whatever: 1 } } });
loose.send({ destination: undefined, payload: { topic: 'anything', data: null } });
same<ReturnType<typeof loose.getIOServer>, Server>(true);

same<ReturnType<typeof loose.configure>, Promise<void>>(true);
const everyone = loose.getClients();
same<typeof everyone, Map<string, ISocketIOClient>>(true);
const all = loose.getClients({});
same<typeof all, Map<string, ISocketIOClient>>(true);
const one = loose.getClients({ id: 'x' });
same<typeof one, ISocketIOClient | undefined>(true);
declare const maybe: { id?: string };
const either = loose.getClients(maybe);
same<typeof either, Map<string, ISocketIOClient> | ISocketIOClient | undefined>(true);

loose.on({ topic: 'connection', handler: () => {} });
loose.on<[string, number], boolean>({ topic: 'x', handler: (name, count) => name.length > count });
// @ts-expect-error: the handler's parameter has the payload's type
loose.on<[string]>({ topic: 'x', handler: (count: number) => count });

// @ts-expect-error: on Node.js `server` is required
export const withoutServer: TSocketIOServerOptions = { ...rest, server: undefined };
// @ts-expect-error: on Bun `engine` is required
export const bunWithoutEngine: TSocketIOServerOptions = { ...rest, runtime: 'bun' };
// @ts-expect-error: on Bun the server must come from Bun.serve
export const bunWithNodeServer: TSocketIOServerOptions = { ...rest, runtime: 'bun', engine: {} };
export const bun: TSocketIOServerOptions = { ...rest, server: undefined, runtime: 'bun', engine: {} };
export const bunWithServer: TSocketIOServerOptions = { ...bun, server: { stop() {} } };
// @ts-expect-error: expected a boolean
export const answersText: TSocketIOServerOptions = { ...rest, authenticateFn: () => 'true' };
export const answersLater: TSocketIOServerOptions = {
  ...rest,
  authenticateFn: async ({ auth }: IHandshake) => auth.ok === true,
};

// Identities. The claims are those of `authenticateFn`.
const known = new SocketIOServerHelper({
  ...rest,
  authenticateFn: async ({ auth }: IHandshake) =>
    auth.token === 'bad'
      ? { refused: 'banned' }
      : { user: 'ann', expiresAt: new Date(), claims: { role: 'admin' as const } },
  clientConnectedFn: ({ socket }) => {
    const identity = known.getIdentity({ socket });
    same<NonNullable<typeof identity>['claims'], { role: 'admin' } | undefined>(true);
  },
});
const ofUser = known.getClients({ user: 'ann' });
same<NonNullable<ReturnType<typeof ofUser.get>>['identity'], KnownIdentity<{ role: 'admin' }> | undefined>(true);
known.send({ destination: { user: 'ann' }, payload: { topic: 'x' } });
known.send({ destination: ['room', { session: 's' }, { id: 'i' }], payload: { topic: 'x' } });
// @ts-expect-error: not one of the three names
known.send({ destination: { users: 'ann' }, payload: { topic: 'x' } });
same<ReturnType<typeof known.joinRooms>, Promise<Scope>>(true);
known.joinRooms({ user: 'ann', rooms: ['a'] });
// @ts-expect-error: whose rooms?
known.joinRooms({ rooms: ['a'] });

same<ReturnType<typeof known.explain>, Promise<Explanation>>(true);
known.explain({ user: 'ann', room: 'a', timeout: 1_000 });
// @ts-expect-error: expected a user
known.explain({ room: 'a' });
same<Explanation['connections'][number]['rooms'][number]['rule'], 'default' | 'granted' | 'program'>(true);

new SocketIOServerHelper({ ...rest, authenticateFn: () => ({ user: 'ann' }) });
new SocketIOServerHelper({ ...rest, authenticateFn: () => ({ refused: 'banned', message: 'Bye.', retry: true }) });
// @ts-expect-error: `user` is a string
new SocketIOServerHelper({ ...rest, authenticateFn: () => ({ user: 5 }) });
// @ts-expect-error: a time is a Date or a number
const text: AuthenticateFn = () => ({ user: 'ann', expiresAt: '2030-01-01' });
void text;
// The documented type stays as it is, so that a wrapper of such a function can't turn a refusal into true.
declare const documented: TSocketIOAuthenticateFn;
new SocketIOServerHelper({ ...rest, authenticateFn: documented });
same<Awaited<ReturnType<typeof documented>>, boolean>(true);
