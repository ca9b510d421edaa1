/** Checked by the compiler, never run. `@ts-expect-error` marks code that must not compile. */
import type { Server as HttpServer } from 'node:http';
import {
  type IOSocket,
  type KnownIdentity,
  type RoomParams,
  roomGuards,
  SocketIOComponent,
  SocketIOServerHelper,
  type TSocketIOValidateRoomFn,
  type ValidateRoomFn,
} from '../../src/index.js';
import type { TLooseData } from '../../src/protocol/event-maps.js';

declare const server: HttpServer;
const rest = { runtime: 'node', server, identifier: 'a', serverOptions: {}, authenticateFn: () => true } as const;

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
function same<A, B>(_: Equal<A, B>): void {}

interface Up {
  say(text: string): void;
}
interface Data {
  nick: string;
}
interface Own {
  readonly admin: boolean;
}
type None = Record<never, never>;

// Verdicts, in a function of its own type, an inline one and an async one.
declare const documented: TSocketIOValidateRoomFn;
declare const wider: ValidateRoomFn;
new SocketIOServerHelper({ ...rest, validateRoomFn: documented });
new SocketIOServerHelper({ ...rest, validateRoomFn: wider });
new SocketIOComponent({ authenticateFn: () => true, guardTimeout: 1_000, validateRoomFn: wider });
new SocketIOServerHelper({
  ...rest,
  validateRoomFn: ({ rooms, identity, signal, socket }) => {
    same<typeof rooms, string[]>(true);
    same<typeof identity, KnownIdentity<TLooseData> | undefined>(true);
    same<typeof signal, AbortSignal>(true);
    same<typeof socket, IOSocket>(true);
    return ['a', { room: 'b', until: new Date() }, { room: 'c', until: 1 }, { room: 'd', refused: 'x', retry: true }];
  },
});
new SocketIOServerHelper({ ...rest, validateRoomFn: async ({ rooms }) => rooms.map((room) => ({ room, until: 1 })) });
new SocketIOServerHelper<Up, None, None, Data, Own>({
  ...rest,
  validateRoomFn: ({ identity, socket, rooms }) => {
    same<typeof identity, KnownIdentity<Own> | undefined>(true);
    return identity?.claims?.admin === true || socket.data.nick === 'root' ? rooms : [];
  },
});
// @ts-expect-error: a verdict needs a room
new SocketIOServerHelper({ ...rest, validateRoomFn: () => [{ until: 1 }] });
// @ts-expect-error: a boolean is no verdict
new SocketIOServerHelper({ ...rest, validateRoomFn: ({ rooms }) => rooms.map(() => true) });
// @ts-expect-error: a moment is a Date or a number
new SocketIOServerHelper({ ...rest, validateRoomFn: () => [{ room: 'a', until: 'tomorrow' }] });
new SocketIOServerHelper({ ...rest, onFailure: { guard: 'keep' } });
// @ts-expect-error: not one of the two values
new SocketIOServerHelper({ ...rest, onFailure: { guard: 'disconnect' } });

// Parameters are those of the pattern.
same<RoomParams<'user/:id'>, { readonly id: string }>(true);
same<RoomParams<'team/:team/pages/:page'>, { readonly team: string; readonly page: string }>(true);
same<RoomParams<'news'>, Record<never, never>>(true);
same<RoomParams<'user:id/x'>, Record<never, never>>(true);

roomGuards({
  'user/:id': ({ params, identity, room }) => {
    same<typeof params, RoomParams<'user/:id'>>(true);
    same<typeof room, string>(true);
    return params.id === identity?.user;
  },
  'team/:team/pages/:page': async ({ params, signal }) => {
    same<typeof params.page, string>(true);
    await fetch(`https://db.example/${params.team}`, { signal });
    return { until: Date.now() + 60_000 };
  },
  'closed/:name': () => ({ refused: 'closed', message: 'This room is closed.', retry: true }),
  // @ts-expect-error: no such parameter
  'page/:id': ({ params }) => params.name === 'a',
  // @ts-expect-error: the guard returns nothing
  'odd/:id': () => {},
});
new SocketIOServerHelper({ ...rest, validateRoomFn: roomGuards({ 'user/:id': ({ params }) => params.id === 'a' }) });
new SocketIOServerHelper<Up, None, None, Data, Own>({
  ...rest,
  validateRoomFn: roomGuards({
    'user/:id': ({ params, identity, socket }) => {
      same<typeof identity, KnownIdentity<Own> | undefined>(true);
      same<typeof socket.data, Data>(true);
      return params.id === identity?.user;
    },
  }),
});
new SocketIOComponent({ authenticateFn: () => true, validateRoomFn: roomGuards({ 'public/:name': () => true }) });
