import { type IMessage, type IWhisper, MAX_TEXT, roomName, type TRejectedCode, userRoomName } from '../words.js';
import { checkHistory, checkId, checkName, checkString, checkText, checkTyping, fieldsOf, Refusal } from './checks.js';
import type { IHistory } from './history.js';
import type { People } from './people.js';
import { RateLimit } from './rate-limit.js';
import type { RedisLink } from './redis.js';
import { ROOMS } from './rooms.js';
import { nameIn } from './tokens.js';
import type { TChatComponent, TChatSocket } from './types.js';

/** A client that comes back sends what waited in its queue, which holds 100, at once. */
const MESSAGES = { burst: 100, perSecond: 5 };
const TYPING = { burst: 10, perSecond: 5 };
/** A page that comes back asks for each of its conversations at once. */
const HISTORY = { burst: 100, perSecond: 5 };

export interface IChatParts {
  component: TChatComponent;
  people: People;
  rooms: IHistory<IMessage>;
  whispers: IHistory<IWhisper>;
  redis: RedisLink | undefined;
}

/** Says to one sender why its message goes nowhere. */
class Rejection extends Error {
  readonly code: TRejectedCode;

  constructor(code: TRejectedCode, message: string) {
    super(message);
    this.code = code;
  }
}

/** What happens to a socket from its welcome to its end. */
export class Chat {
  readonly #parts: IChatParts;

  constructor(parts: IChatParts) {
    this.#parts = parts;
    parts.redis?.onChange(() => this.#helper.getIOServer().local.emit('health', this.health));
  }

  get #helper(): TChatComponent['helper'] {
    return this.#parts.component.helper;
  }

  get health(): { degraded: boolean; message: string } {
    if (this.#parts.redis?.available !== false) return { degraded: false, message: '' };
    return { degraded: true, message: 'People on other instances of this chat may not hear you for the moment.' };
  }

  /** Roomgate calls it once the socket is authenticated. What the socket sends before this has returned waits. */
  async welcome(socket: TChatSocket): Promise<void> {
    const { identifier } = this.#helper;
    const name = nameIn(socket.handshake.auth.token);
    socket.data = { name, instance: identifier, since: new Date().toISOString() };
    this.#listen(socket);
    await socket.join(userRoomName(name));
    socket.emit('welcome', { name, instance: identifier, rooms: [...ROOMS], limits: { text: MAX_TEXT } });
    socket.emit('people', { people: this.#parts.people.online });
    socket.emit('health', this.health);
  }

  #listen(socket: TChatSocket): void {
    const messages = new RateLimit(MESSAGES);
    const typing = new RateLimit(TYPING);
    const history = new RateLimit(HISTORY);
    socket.on('say', (payload) => this.#answer(socket, payload, messages, () => this.#say(socket, payload)));
    socket.on('whisper', (payload) => this.#answer(socket, payload, messages, () => this.#whisper(socket, payload)));
    socket.on('typing', (payload) => this.#tryTo(() => typing.take() && this.#typing(socket, payload)));
    socket.on('history', (payload) => this.#tryTo(() => history.take() && this.#history(socket, payload)));
  }

  async #say(socket: TChatSocket, payload: unknown): Promise<void> {
    const fields = fieldsOf(payload);
    const message: IMessage = {
      id: checkId(fields.id),
      room: checkString('room', fields.room),
      from: socket.data.name,
      text: checkText(fields.text),
      at: new Date().toISOString(),
    };
    if (!socket.rooms.has(roomName(message.room))) throw new Rejection('not_in_room', 'You are not in this room.');
    const earlier = await this.#parts.rooms.add(message.room, message);
    if (earlier !== undefined) socket.emit('message', this.#own(earlier, socket));
    else this.#helper.send({ destination: roomName(message.room), payload: { topic: 'message', data: message } });
  }

  async #whisper(socket: TChatSocket, payload: unknown): Promise<void> {
    const fields = fieldsOf(payload);
    const whisper: IWhisper = {
      id: checkId(fields.id),
      from: socket.data.name,
      to: checkName('to', fields.to),
      text: checkText(fields.text),
      at: new Date().toISOString(),
    };
    const { from, to } = whisper;
    if (!this.#parts.people.isOnline(to)) throw new Rejection('away', `${to} is not online.`);
    const earlier = await this.#parts.whispers.add(pairOf(from, to), whisper);
    if (earlier !== undefined) socket.emit('whisper', this.#own(earlier, socket));
    else {
      const destination = [userRoomName(from), userRoomName(to)];
      this.#helper.send({ destination, payload: { topic: 'whisper', data: whisper } });
    }
  }

  #typing(socket: TChatSocket, payload: unknown): void {
    const typing = checkTyping(payload);
    const from = socket.data.name;
    if ('to' in typing) socket.to(userRoomName(typing.to)).emit('typing', { ...typing, from });
    else if (socket.rooms.has(roomName(typing.room))) {
      socket.to(roomName(typing.room)).emit('typing', { ...typing, from });
    }
  }

  async #history(socket: TChatSocket, payload: unknown): Promise<void> {
    const asked = checkHistory(payload);
    if ('person' in asked) {
      const messages = await this.#parts.whispers.list(pairOf(socket.data.name, asked.person));
      socket.emit('history', { person: asked.person, messages });
    } else if (socket.rooms.has(roomName(asked.room))) {
      socket.emit('history', { room: asked.room, messages: await this.#parts.rooms.list(asked.room) });
    }
  }

  /** What the sender sent before; the id of somebody else's message is not theirs to use. */
  #own<T extends { from: string }>(earlier: T, socket: TChatSocket): T {
    if (earlier.from === socket.data.name) return earlier;
    throw new Rejection('invalid', "id: it is the one of somebody else's message.");
  }

  /** For messages, where the sender waits to hear what became of each. */
  async #answer(socket: TChatSocket, payload: unknown, limit: RateLimit, act: () => Promise<void>): Promise<void> {
    await this.#tryTo(async () => {
      try {
        if (!limit.take()) throw new Rejection('too_fast', 'Too many messages in a short time.');
        await act();
      } catch (error) {
        if (!(error instanceof Rejection || error instanceof Refusal)) throw error;
        const { id } = fieldsOf(payload);
        const code = error instanceof Rejection ? error.code : 'invalid';
        socket.emit('rejected', { id: typeof id === 'string' ? id : '', code, message: error.message });
      }
    });
  }

  /** What is thrown in a handler of a socket would end the process: a stranger must not be able to do that. */
  async #tryTo(act: () => unknown): Promise<void> {
    try {
      await act();
    } catch (error) {
      if (!(error instanceof Refusal)) console.error('A handler failed:', error);
    }
  }
}

/** The conversation of two people, the same from both ends. No name has a slash in it. */
function pairOf(one: string, other: string): string {
  return [one, other].sort().join('/');
}
