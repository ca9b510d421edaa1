import { createHash, timingSafeEqual } from 'node:crypto';
import { Hono, type MiddlewareHandler } from 'hono';
import { HTTPException } from 'hono/http-exception';
import { z } from 'zod';
import { nameSchema, reasonSchema, textSchema } from '../contract.js';
import { roomName } from '../words.js';
import type { Chat } from './chat.js';
import { everySocket } from './people.js';
import type { RedisLink } from './redis.js';
import { bodyOf, checked } from './request-body.js';
import { chatRoomsOf, isRoom, ROOMS } from './rooms.js';
import { banOf, closureOf, type Rulings } from './rulings.js';
import type { ChatComponent, ChatServer } from './types.js';

const BAN_MS = 60 * 60 * 1_000;

const TEXT = z.object({ text: textSchema });
const MOVE = z.object({ rooms: z.array(z.string()).min(1) });
/** The whole body is optional. */
const REASON = z.object({ reason: reasonSchema.optional() }).optional();

export interface OperatorParts {
  component: ChatComponent;
  chat: Chat;
  redis: RedisLink | undefined;
  rulings: Rulings;
  token: string;
}

type AnySocket = Awaited<ReturnType<ChatServer['fetchSockets']>>[number];

/** The API for the operator of the chat. It works for clients of all instances. */
export function operatorApi(parts: OperatorParts): Hono {
  const { component, chat, redis, rulings, token } = parts;
  const api = new Hono();
  const io = () => component.helper.getIOServer();
  const notice = (destination: string | undefined, { text }: { text: string }) => {
    const data = { text, at: new Date().toISOString() };
    component.helper.send({ destination, payload: { topic: 'notice', data } });
    return { sent: data };
  };
  const find = async (id: string): Promise<AnySocket> => {
    const found = (await sockets(io(), redis)).find((socket) => socket.id === id);
    if (found === undefined) throw new HTTPException(404, { message: 'There is no such client.' });
    return found;
  };

  api.use(onlyWith(token));
  api.get('/info', (c) => {
    const { identifier } = component.helper;
    const clients = component.helper.getClients().size;
    return c.json({ instance: identifier, uptime: Math.round(process.uptime()), clients, rooms: ROOMS });
  });
  api.get('/health', (c) => {
    const state = redis === undefined ? 'none' : redis.available ? 'ready' : 'away';
    return c.json({ ...chat.health, redis: state });
  });
  api.get('/clients', async (c) => c.json({ clients: (await sockets(io(), redis)).map(shown) }));
  api.post('/broadcast', async (c) => c.json(notice(undefined, await bodyOf(c, TEXT))));
  api.post('/rooms/:room/send', async (c) => {
    const room = knownRoom(c.req.param('room'));
    return c.json(notice(roomName(room), await bodyOf(c, TEXT)));
  });
  api.post('/clients/:id/send', async (c) => {
    const body = await bodyOf(c, TEXT);
    return c.json(notice((await find(c.req.param('id'))).id, body));
  });
  api.get('/clients/:id/rooms', async (c) => c.json({ rooms: chatRoomsOf((await find(c.req.param('id'))).rooms) }));
  for (const change of ['join', 'leave'] as const) {
    api.post(`/clients/:id/${change}`, async (c) => {
      const rooms = (await bodyOf(c, MOVE)).rooms.map(knownRoom);
      if (change === 'join') await needOpen(rooms, rulings);
      const { id } = await find(c.req.param('id'));
      if (change === 'join') await component.helper.joinRooms({ id, rooms: rooms.map(roomName) });
      else io().in(id).socketsLeave(rooms.map(roomName));
      const mine = { rooms: chatRoomsOf((await find(id)).rooms) };
      component.helper.send({ destination: id, payload: { topic: 'rooms', data: mine } });
      return c.json(mine);
    });
  }
  api.route('/', moderation(parts));
  return api;
}

/** Ends access: of people, and to rooms. Each answer has the instances that did not confirm it, as `unconfirmed`. */
function moderation({ component, rulings }: OperatorParts): Hono {
  const api = new Hono();
  api.post('/people/:name/kick', async (c) => {
    const user = checked(nameSchema, c.req.param('name'));
    const message = withReason('An operator removed you from the chat', await bodyOf(c, REASON));
    return c.json(await component.helper.revoke({ user, message }));
  });
  api.post('/people/:name/ban', async (c) => {
    const user = checked(nameSchema, c.req.param('name'));
    const endsAt = Date.now() + BAN_MS;
    const message = withReason(`You are banned until ${timeOf(endsAt)}`, await bodyOf(c, REASON));
    // The bar keeps the user out. The ruling has the reason, for the page that tries again and for the sign-in.
    await stored(rulings.add(banOf(user), { text: message, endsAt }));
    return c.json({ until: new Date(endsAt), ...(await component.helper.revoke({ user, barFor: BAN_MS, message })) });
  });
  api.post('/rooms/:room/close', async (c) => {
    const room = knownRoom(c.req.param('room'));
    const text = withReason('An operator closed this room', await bodyOf(c, REASON));
    // First the ruling: then `revalidate` asks the guard about each member, and the guard refuses.
    await stored(rulings.add(closureOf(room), { text }));
    return c.json(await component.helper.revalidate({ room: roomName(room) }));
  });
  api.post('/rooms/:room/open', async (c) => {
    const room = knownRoom(c.req.param('room'));
    await stored(rulings.remove(closureOf(room)));
    return c.json({ opened: room });
  });
  return api;
}

function withReason(text: string, body: z.infer<typeof REASON>): string {
  return body?.reason === undefined ? `${text}.` : `${text}: ${body.reason}`;
}

const timeOf = (at: number): string => `${new Date(at).toISOString().slice(11, 16)} UTC`;

async function stored(storing: Promise<void>): Promise<void> {
  await storing.catch(() => {
    throw new HTTPException(503, { message: 'Redis is unreachable, so nothing was changed. Try again.' });
  });
}

function onlyWith(token: string): MiddlewareHandler {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  const wanted = digest(`Bearer ${token}`);
  return async (c, next) => {
    // Digests have one length, and this comparison takes the same time wherever they differ.
    const isRight = timingSafeEqual(digest(c.req.header('authorization') ?? ''), wanted);
    if (isRight) return next();
    return c.json({ error: 'Send the header "Authorization: Bearer <the token of the operator>".' }, 401);
  };
}

async function sockets(io: ChatServer, redis: RedisLink | undefined): Promise<AnySocket[]> {
  try {
    return await everySocket(io, redis);
  } catch {
    throw new HTTPException(503, { message: 'Another instance did not answer in time. Try again.' });
  }
}

function shown({ id, data, rooms, handshake }: AnySocket): object {
  return { id, ...data, address: handshake.address, rooms: chatRoomsOf(rooms) };
}

async function needOpen(rooms: string[], rulings: Rulings): Promise<void> {
  for (const room of rooms) {
    if ((await rulings.find(closureOf(room))) === undefined) continue;
    throw new HTTPException(409, { message: `The room "${room}" is closed. Open it first.` });
  }
}

function knownRoom(id: string): string {
  if (isRoom(id)) return id;
  const ids = ROOMS.map((room) => room.id).join(', ');
  throw new HTTPException(404, { message: `There is no such room. There are ${ids}.` });
}
