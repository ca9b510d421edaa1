import { randomUUID } from 'node:crypto';
import { ClientError, type Identity } from 'roomgate';
import { contract } from '../contract.js';
import { MAX_TEXT, roomName, userRoomName } from '../words.js';
import type { Entry } from './history.js';
import { isAvailable } from './redis.js';
import { ROOMS } from './rooms.js';
import type { ChatSocket, Parts } from './types.js';

/** For each person. A client that reconnects sends its whole queue at once, which holds up to 100 messages. */
const MESSAGES = { messages: 100, per: 20_000 };
/** A page that reconnects asks for each of its conversations at once. */
const HISTORIES = { messages: 100, per: 20_000 };
const TYPING = { messages: 10, per: 2_000 };
/** One person may begin so many conversations in so many milliseconds, which keeps people from writing to everybody. */
const BEGUN = { conversations: 10, per: 50_000 };

export function healthOf({ redis }: Pick<Parts, 'redis'>): { degraded: boolean; message: string } {
  const degraded = redis !== undefined && !isAvailable(redis);
  return { degraded, message: degraded ? 'Messages may not reach people on other servers.' : '' };
}

/** Roomgate calls this once the socket is authenticated. */
export async function welcome({ component: { helper }, people, redis }: Parts, socket: ChatSocket): Promise<void> {
  const name = nameOf(helper.getIdentity({ socket }));
  // Two people whose names look alike may have been accepted at the same moment.
  if (people.isTaken(name)) {
    socket.disconnect();
    return;
  }
  // For the other instances, which have no identities of these sockets.
  socket.data = { name, instance: helper.identifier, since: new Date().toISOString() };
  await socket.join(userRoomName(name));
  socket.emit('welcome', { name, instance: helper.identifier, rooms: [...ROOMS], limits: { text: MAX_TEXT } });
  socket.emit('people', { people: people.online });
  socket.emit('health', healthOf({ redis }));
}

/** The sender receives its message as the answer, everybody else as an event. */
export function handleRooms({ component, rooms }: Parts): void {
  component.handle({
    ...contract.up.say,
    topic: 'say',
    limit: MESSAGES,
    memberOf: ({ room }) => roomName(room),
    handler: async ({ data, identity, socket }) => {
      const message = { ...data, ...stamp(identity) };
      const earlier = await rooms.add(data.room, message);
      if (earlier === undefined) socket.to(roomName(data.room)).emit('message', withoutEcho(message));
      return earlier ?? message;
    },
  });
  component.handle({
    ...contract.up.history,
    topic: 'history',
    limit: HISTORIES,
    memberOf: ({ room }) => roomName(room),
    handler: async ({ data, identity }) => shownTo(nameOf(identity), await rooms.list(data.room)),
  });
}

export function handleWhispers({ component, whispers, people }: Parts): void {
  // Counts by name, so more windows or a new connection do not give more.
  const begun = new Map<string, number>();
  const mayBegin = (from: string): boolean => {
    const before = begun.get(from) ?? 0;
    if (before === 0) setTimeout(() => begun.delete(from), BEGUN.per).unref();
    begun.set(from, before + 1);
    return before < BEGUN.conversations;
  };
  component.handle({
    ...contract.up.whisper,
    topic: 'whisper',
    limit: MESSAGES,
    handler: async ({ data, identity, socket }) => {
      const whisper = { ...data, ...stamp(identity) };
      const { from, to } = whisper;
      if (!people.isOnline(to)) throw new ClientError('away', `${to} is not online.`);
      if (!whispers.has(pairOf(from, to)) && !mayBegin(from)) {
        throw new ClientError('too_many_people', 'You are writing to many new people. Wait a few seconds.');
      }
      const earlier = await whispers.add(pairOf(from, to), whisper);
      const both = [userRoomName(from), userRoomName(to)];
      if (earlier === undefined) socket.to(both).emit('whisper', withoutEcho(whisper));
      return earlier ?? whisper;
    },
  });
  component.handle({
    ...contract.up.whispers,
    topic: 'whispers',
    limit: HISTORIES,
    handler: async ({ data, identity }) => {
      const me = nameOf(identity);
      return shownTo(me, await whispers.list(pairOf(me, data.person)));
    },
  });
}

export function handleTyping({ component }: Parts): void {
  component.handle({
    ...contract.up.typing,
    topic: 'typing',
    limit: TYPING,
    handler: ({ data, identity, socket }) => {
      const destination = 'to' in data ? userRoomName(data.to) : roomName(data.room);
      if ('room' in data && !socket.rooms.has(destination)) return;
      socket.to(destination).emit('typing', { ...data, from: nameOf(identity) });
    },
  });
}

/** Who this is, as `authenticateFn` said. A name in a payload could be that of anybody. */
function nameOf(identity: Identity | undefined): string {
  if (identity === undefined) throw new Error('Each client of this chat has an identity.');
  return identity.user;
}

/** The fields of a new message that its sender does not choose. */
function stamp(identity: Identity | undefined): { id: string; from: string; at: string } {
  return { id: randomUUID(), from: nameOf(identity), at: new Date().toISOString() };
}

/** The conversation of two people, the same for both. Names contain no slash. */
function pairOf(one: string, other: string): string {
  return [one, other].sort().join('/');
}

function withoutEcho<T extends Entry>({ echo: _, ...message }: T): Omit<T, 'echo'> {
  return message;
}

/** The token of a message is for its sender only. */
function shownTo<T extends Entry>(name: string, messages: readonly T[]): (T | Omit<T, 'echo'>)[] {
  return messages.map((message) => (message.from === name ? message : withoutEcho(message)));
}
