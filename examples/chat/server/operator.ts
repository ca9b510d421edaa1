import { createHash, timingSafeEqual } from 'node:crypto';
import { Hono, type MiddlewareHandler } from 'hono';
import { HTTPException } from 'hono/http-exception';
import { roomName } from '../words.js';
import type { Chat } from './chat.js';
import { checkStrings, checkText, fieldsOf, Refusal } from './checks.js';
import { everySocket } from './people.js';
import type { RedisLink } from './redis.js';
import { chatRoomsOf, isRoom, ROOMS } from './rooms.js';
import type { ChatComponent, ChatServer } from './types.js';

export interface OperatorParts {
  component: ChatComponent;
  chat: Chat;
  redis: RedisLink | undefined;
  token: string;
}

type AnySocket = Awaited<ReturnType<ChatServer['fetchSockets']>>[number];

/** The API for the operator of the chat. It works for clients of all instances. */
export function operatorApi({ component, chat, redis, token }: OperatorParts): Hono {
  const api = new Hono();
  const io = () => component.helper.getIOServer();
  const notice = (destination: string | undefined, text: string) => {
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
  api.post('/broadcast', async (c) => c.json(notice(undefined, checkText((await fields(c.req)).text))));
  api.post('/rooms/:room/send', async (c) => {
    const [room] = known([c.req.param('room')]);
    return c.json(notice(roomName(`${room}`), checkText((await fields(c.req)).text)));
  });
  api.post('/clients/:id/send', async (c) => {
    const text = checkText((await fields(c.req)).text);
    return c.json(notice((await find(c.req.param('id'))).id, text));
  });
  api.get('/clients/:id/rooms', async (c) => c.json({ rooms: chatRoomsOf((await find(c.req.param('id'))).rooms) }));
  for (const change of ['join', 'leave'] as const) {
    api.post(`/clients/:id/${change}`, async (c) => {
      const rooms = known(checkStrings('rooms', (await fields(c.req)).rooms));
      const { id } = await find(c.req.param('id'));
      await move(component, id, change, rooms.map(roomName));
      const mine = { rooms: chatRoomsOf((await find(id)).rooms) };
      component.helper.send({ destination: id, payload: { topic: 'rooms', data: mine } });
      return c.json(mine);
    });
  }
  return api;
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

/** Moves a socket of this instance at once. For sockets of other instances, Redis carries the command. */
async function move(component: ChatComponent, id: string, change: 'join' | 'leave', rooms: string[]): Promise<void> {
  const here = component.helper.getClients({ id })?.socket;
  const there = component.helper.getIOServer().in(id);
  if (change === 'join') await (here === undefined ? there.socketsJoin(rooms) : here.join(rooms));
  else if (here === undefined) there.socketsLeave(rooms);
  else for (const room of rooms) await here.leave(room);
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

function known(rooms: string[]): string[] {
  const unknown = rooms.find((room) => !isRoom(room));
  if (unknown === undefined) return rooms;
  throw new HTTPException(404, {
    message: `There is no such room. There are ${ROOMS.map(({ id }) => id).join(', ')}.`,
  });
}

/** The fields of the body. @throws Refusal if it is not JSON. */
async function fields(request: { json(): Promise<unknown> }): Promise<Readonly<Record<string, unknown>>> {
  const body = await request.json().catch(() => {
    throw new Refusal('body: expected JSON, received something else.');
  });
  return fieldsOf(body);
}
