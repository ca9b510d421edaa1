import { hostname } from 'node:os';
import { Redis } from 'ioredis';
import { roomGuards, SocketIOComponent } from 'roomgate';
import type { Message, Whisper } from '../contract.js';
import { SOCKET_PATH } from '../words.js';
import { handleRooms, handleTyping, handleWhispers, healthOf, welcome } from './chat.js';
import type { Environment } from './environment.js';
import { History } from './history.js';
import { httpApp } from './http.js';
import { People } from './people.js';
import { redisAt } from './redis.js';
import { isPublic } from './rooms.js';
import { banOf, closureOf, Rulings } from './rulings.js';
import { startOn } from './serve.js';
import { Tokens } from './tokens.js';
import type { ChatComponent, Parts } from './types.js';

/** Far more than a page needs. Each handler has its own limit for each person. */
const LIMITS = { messagesPerSecond: 50, messageBurst: 500, connectionsPerUser: 50, payloadBytes: 20_000 };

/** Puts the parts together. Resolves once the chat serves people, to its address and to a function that stops it. */
export async function startChat(environment: Environment): Promise<{ url: string; stop(): Promise<void> }> {
  const { PORT, HOST, REDIS_URL, CHAT_SECRET, TOKEN_SECONDS, OPERATOR_TOKEN } = environment;
  const tokens = new Tokens(CHAT_SECRET, TOKEN_SECONDS);
  const redis = REDIS_URL === undefined ? undefined : redisAt(REDIS_URL);
  const rulings = new Rulings(redis);
  const component: ChatComponent = new SocketIOComponent({
    identifier: `${hostname()}-${process.pid}`,
    path: SOCKET_PATH,
    // Once for each connection, and once for each renewal. Everywhere else the identity says who the client is.
    authenticateFn: async ({ auth }) => {
      const identity = await tokens.verify('connection', auth.token);
      // Since the token was signed, somebody with a similar name may have come.
      if (identity === undefined || people.isTaken(identity.user)) return false;
      const ban = await rulings.find(banOf(identity.user));
      return ban === undefined ? identity : { refused: 'banned', message: ban };
    },
    // Asked again for all members when the operator closes a room. All other rooms are refused, such as those of people.
    validateRoomFn: roomGuards({
      'room/:id': async ({ params: { id }, room, socket }) => {
        // A client keeps the rooms into which an operator put it.
        if (!isPublic(id) && !socket.rooms.has(room)) return false;
        const closed = await rulings.find(closureOf(id));
        return closed === undefined || { refused: 'closed', message: closed };
      },
    }),
    clientConnectedFn: ({ socket }) => welcome(parts, socket),
    limits: LIMITS,
    // It stays unconnected: Roomgate makes its own connections from it.
    redisConnection: REDIS_URL === undefined ? undefined : new Redis(REDIS_URL, { lazyConnect: true }),
    redisTimeout: 10_000,
  });
  const listen = await startOn(component, (request) => app.fetch(request));
  // If this fails, it tries again.
  await redis?.connect().catch(() => undefined);
  const people = new People(component.helper.getIOServer(), redis);
  const rooms = new History<Message>('room', redis);
  const whispers = new History<Whisper>('whisper', redis);
  const parts: Parts = { component, tokens, people, rooms, whispers, rulings, redis };
  for (const handle of [handleRooms, handleWhispers, handleTyping]) handle(parts);
  redis?.on('change', () => component.helper.getIOServer().local.emit('health', healthOf(parts)));
  const app = httpApp(parts, OPERATOR_TOKEN);
  const port = await listen(PORT, HOST);
  const name = HOST?.includes(':') ? `[${HOST}]` : (HOST ?? 'localhost');
  const stop = async (): Promise<void> => {
    await component.stop();
    redis?.removeAllListeners('change').disconnect();
  };
  return { url: `http://${name}:${port}`, stop };
}
