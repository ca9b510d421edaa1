import { type Context, Hono } from 'hono';
import { HTTPException } from 'hono/http-exception';
import { timingSafeEqual } from 'hono/utils/buffer';
import { z } from 'zod';
import { nameSchema, reasonSchema, textSchema } from '../contract.js';
import { roomName } from '../words.js';
import { healthOf } from './chat.js';
import { isAvailable } from './redis.js';
import { bodyOf, checked } from './request-body.js';
import { chatRoomsOf, isRoom, ROOMS } from './rooms.js';
import { banOf, closureOf } from './rulings.js';
import type { Parts } from './types.js';

const BAN_MS = 60 * 60 * 1_000;

const TEXT = z.object({ text: textSchema });
const MOVE = z.object({ rooms: z.array(z.string()).min(1) });
/** The whole body is optional. */
const REASON = z.object({ reason: reasonSchema.optional() }).optional();

const NO_REDIS = 'Redis is unreachable, so nothing was changed. Try again.';

/** The API for the operator of the chat. It works for clients of all instances. */
export function operatorApi(parts: Parts, token: string): Hono {
  const { component, people, redis, rulings } = parts;
  const api = new Hono();
  const notice = async (c: Context, destinationOf: () => string | undefined | Promise<string>) => {
    const data = { ...(await bodyOf(c, TEXT)), at: new Date().toISOString() };
    component.helper.send({ destination: await destinationOf(), payload: { topic: 'notice', data } });
    return c.json({ sent: data });
  };
  const sockets = () => available(people.sockets(), 'Another instance did not answer in time. Try again.');
  const find = async (id: string) => {
    const found = (await sockets()).find((socket) => socket.id === id);
    if (found === undefined) throw new HTTPException(404, { message: 'There is no such client.' });
    return found;
  };

  api.use(async (c, next) => {
    if (await timingSafeEqual(c.req.header('authorization') ?? '', `Bearer ${token}`)) return next();
    return c.json({ error: 'Send the header "Authorization: Bearer <the token of the operator>".' }, 401);
  });
  api.get('/info', (c) => {
    const { identifier } = component.helper;
    const clients = component.helper.getClients().size;
    return c.json({ instance: identifier, uptime: Math.round(process.uptime()), clients, rooms: ROOMS });
  });
  api.get('/health', (c) => {
    const state = redis === undefined ? 'none' : isAvailable(redis) ? 'ready' : 'away';
    return c.json({ ...healthOf(parts), redis: state });
  });
  api.get('/clients', async (c) => {
    const clients = (await sockets()).map(({ id, data, rooms, handshake: { address } }) => {
      return { id, ...data, address, rooms: chatRoomsOf(rooms) };
    });
    return c.json({ clients });
  });
  api.post('/broadcast', (c) => notice(c, () => undefined));
  api.post('/rooms/:room/send', (c) => notice(c, () => roomName(knownRoom(c.req.param('room')))));
  api.post('/clients/:id/send', (c) => notice(c, async () => (await find(c.req.param('id'))).id));
  api.get('/clients/:id/rooms', async (c) => c.json({ rooms: chatRoomsOf((await find(c.req.param('id'))).rooms) }));
  api.post('/clients/:id/:change{join|leave}', async (c) => {
    const isJoin = c.req.param('change') === 'join';
    const rooms = (await bodyOf(c, MOVE)).rooms.map(knownRoom);
    if (isJoin) await needOpen(rooms, rulings);
    const { id } = await find(c.req.param('id'));
    if (isJoin) await component.helper.joinRooms({ id, rooms: rooms.map(roomName) });
    else component.helper.getIOServer().in(id).socketsLeave(rooms.map(roomName));
    const data = { rooms: chatRoomsOf((await find(id)).rooms) };
    component.helper.send({ destination: id, payload: { topic: 'rooms', data } });
    return c.json(data);
  });
  api.route('/', moderation(parts));
  return api;
}

/** Ends access: of people, and to rooms. Each answer has the instances that did not confirm it, as `unconfirmed`. */
function moderation({ component, rulings }: Parts): Hono {
  const api = new Hono();
  api.post('/people/:name/kick', async (c) => {
    const user = checked(nameSchema, c.req.param('name'));
    const message = withReason('An operator removed you from the chat', await bodyOf(c, REASON));
    return c.json(await component.helper.revoke({ user, message }));
  });
  api.post('/people/:name/ban', async (c) => {
    const user = checked(nameSchema, c.req.param('name'));
    const until = new Date(Date.now() + BAN_MS);
    const time = `${until.toISOString().slice(11, 16)} UTC`;
    const message = withReason(`You are banned until ${time}`, await bodyOf(c, REASON));
    // The bar keeps the user out. The ruling has the reason, for the page that tries again and for the sign-in.
    await available(rulings.add(banOf(user), { text: message, endsAt: until.getTime() }), NO_REDIS);
    return c.json({ until, ...(await component.helper.revoke({ user, barFor: BAN_MS, message })) });
  });
  api.post('/rooms/:room/close', async (c) => {
    const room = knownRoom(c.req.param('room'));
    const text = withReason('An operator closed this room', await bodyOf(c, REASON));
    // First the ruling: then `revalidate` asks the guard about each member, and the guard refuses.
    await available(rulings.add(closureOf(room), { text }), NO_REDIS);
    return c.json(await component.helper.revalidate({ room: roomName(room) }));
  });
  api.post('/rooms/:room/open', async (c) => {
    const room = knownRoom(c.req.param('room'));
    await available(rulings.remove(closureOf(room)), NO_REDIS);
    return c.json({ opened: room });
  });
  return api;
}

function withReason(text: string, body: z.infer<typeof REASON>): string {
  return body?.reason === undefined ? `${text}.` : `${text}: ${body.reason}`;
}

/** Answers 503 if this fails, because Redis or another instance is needed for it. */
async function available<T>(work: Promise<T>, message: string): Promise<T> {
  return work.catch(() => Promise.reject(new HTTPException(503, { message })));
}

async function needOpen(rooms: string[], rulings: Parts['rulings']): Promise<void> {
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
