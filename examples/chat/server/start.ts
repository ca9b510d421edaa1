import { hostname } from 'node:os';
import { Redis } from 'ioredis';
import { roomGuards, SocketIOComponent } from 'roomgate';
import type { Message, Whisper } from '../contract.js';
import { SOCKET_PATH } from '../words.js';
import { Chat } from './chat.js';
import type { Environment } from './environment.js';
import { History } from './history.js';
import { httpApp } from './http.js';
import { operatorApi } from './operator.js';
import { People } from './people.js';
import { RedisLink } from './redis.js';
import { isPublic } from './rooms.js';
import { banOf, closureOf, Rulings } from './rulings.js';
import { servingOn } from './serve.js';
import { Tokens } from './tokens.js';
import type { ChatComponent } from './types.js';

const REDIS_TIMEOUT_MS = 10_000;

/** Far more than a page needs. Each handler has its own limit for each person. */
const LIMITS = { messagesPerSecond: 50, messageBurst: 500, connectionsPerUser: 50, payloadBytes: 20_000 };

export interface RunningChat {
  url: string;
  stop(): Promise<void>;
}

/** Puts the parts together. Resolves once the chat serves people. If it rejects, it leaves nothing open. */
export async function startChat(environment: Environment): Promise<RunningChat> {
  const { port, host, redisUrl, secret, tokenSeconds, operatorToken } = environment;
  const tokens = new Tokens(secret, tokenSeconds);
  const redis = redisUrl === undefined ? undefined : new RedisLink(redisUrl);
  const rulings = new Rulings(redis);
  const component: ChatComponent = new SocketIOComponent({
    identifier: `${hostname()}-${process.pid}`,
    path: SOCKET_PATH,
    // Once for each connection, and once for each renewal. Everywhere else the identity says who the client is.
    authenticateFn: async ({ auth }) => {
      const identity = await tokens.identity(auth.token);
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
    clientConnectedFn: ({ socket }) => chat.welcome(socket),
    limits: LIMITS,
    // It stays unconnected: Roomgate makes its own connections from it.
    redisConnection: redisUrl === undefined ? undefined : new Redis(redisUrl, { lazyConnect: true }),
    redisTimeout: REDIS_TIMEOUT_MS,
  });
  const serving = servingOn({ component, fetch: (request) => app.fetch(request) });
  const stop = async (): Promise<void> => {
    await serving.stop();
    redis?.close();
  };
  const giveUp = async (error: unknown): Promise<never> => {
    await stop();
    throw error;
  };
  await serving.start().catch(giveUp);
  await redis?.open();
  const people = new People(component.helper.getIOServer(), redis);
  const rooms = new History<Message>('room', redis);
  const whispers = new History<Whisper>('whisper', redis);
  const chat = new Chat({ component, people, redis, rooms, whispers });
  const operator = operatorApi({ component, chat, redis, rulings, token: operatorToken });
  const app = httpApp({ component, tokens, people, rulings, operator });
  return { url: urlOf(host, await serving.listen(port, host).catch(giveUp)), stop };
}

function urlOf(host: string | undefined, port: number): string {
  return `http://${host?.includes(':') ? `[${host}]` : (host ?? 'localhost')}:${port}`;
}
