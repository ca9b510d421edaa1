import { randomUUID } from 'node:crypto';
import { MAX_TEXT, type Message, type RejectedCode, roomName, userRoomName, type Whisper } from '../words.js';
import {
  checkEcho,
  checkHistory,
  checkName,
  checkString,
  checkText,
  checkTyping,
  fieldsOf,
  Refusal,
} from './checks.js';
import type { Entry, HistoryStore } from './history.js';
import type { People } from './people.js';
import type { RedisLink } from './redis.js';
import { ROOMS } from './rooms.js';
import { Senders } from './senders.js';
import type { ChatComponent, ChatSocket } from './types.js';

export interface ChatParts {
  component: ChatComponent;
  people: People;
  rooms: HistoryStore<Message>;
  whispers: HistoryStore<Whisper>;
  redis: RedisLink | undefined;
}

/** Sends one sender the reason why its message is not delivered. */
class Rejection extends Error {
  readonly code: RejectedCode;

  constructor(code: RejectedCode, message: string) {
    super(message);
    this.code = code;
  }
}

/** Handles a socket from its welcome to its end. */
export class Chat {
  readonly #parts: ChatParts;
  readonly #senders = new Senders();

  constructor(parts: ChatParts) {
    this.#parts = parts;
    parts.redis?.onChange(() => this.#helper.getIOServer().local.emit('health', this.health));
  }

  get #helper(): ChatComponent['helper'] {
    return this.#parts.component.helper;
  }

  get health(): { degraded: boolean; message: string } {
    if (this.#parts.redis?.available !== false) return { degraded: false, message: '' };
    return { degraded: true, message: 'Messages may not reach people on other servers.' };
  }

  /** Roomgate calls this once the socket is authenticated. Events of the socket wait until it has returned. */
  async welcome(socket: ChatSocket): Promise<void> {
    const { identifier } = this.#helper;
    const name = this.#nameOf(socket);
    // Two people whose names look alike may have been accepted at the same moment.
    if (this.#parts.people.isTaken(name)) {
      socket.disconnect();
      return;
    }
    // For the other instances, which have no identities of these sockets.
    socket.data = { name, instance: identifier, since: new Date().toISOString() };
    this.#listen(socket);
    await socket.join(userRoomName(name));
    socket.emit('welcome', { name, instance: identifier, rooms: [...ROOMS], limits: { text: MAX_TEXT } });
    socket.emit('people', { people: this.#parts.people.online });
    socket.emit('health', this.health);
  }

  /** Who this is, as `authenticateFn` said. A name in a payload could be that of anybody. */
  #nameOf(socket: ChatSocket): string {
    const identity = this.#helper.getIdentity({ socket });
    if (identity === undefined) throw new Error('Each client of this chat has an identity.');
    return identity.user;
  }

  #listen(socket: ChatSocket): void {
    const mine = () => this.#senders.of(this.#nameOf(socket));
    socket.on('say', (payload) => this.#answer(socket, payload, () => this.#say(socket, payload)));
    socket.on('whisper', (payload) => this.#answer(socket, payload, () => this.#whisper(socket, payload)));
    socket.on('typing', (payload) => this.#tryTo(() => mine().typing.take() && this.#typing(socket, payload)));
    socket.on('history', (payload) => this.#tryTo(() => mine().history.take() && this.#history(socket, payload)));
  }

  async #say(socket: ChatSocket, payload: unknown): Promise<void> {
    const fields = fieldsOf(payload);
    const message: Message = {
      id: randomUUID(),
      echo: checkEcho(fields.echo),
      room: checkString('room', fields.room),
      from: this.#nameOf(socket),
      text: checkText(fields.text),
      at: new Date().toISOString(),
    };
    if (!socket.rooms.has(roomName(message.room))) throw new Rejection('not_in_room', 'You are not in this room.');
    const earlier = await this.#parts.rooms.add(message.room, message);
    socket.emit('message', earlier ?? message);
    if (earlier === undefined) socket.to(roomName(message.room)).emit('message', withoutEcho(message));
  }

  async #whisper(socket: ChatSocket, payload: unknown): Promise<void> {
    const fields = fieldsOf(payload);
    const whisper: Whisper = {
      id: randomUUID(),
      echo: checkEcho(fields.echo),
      from: this.#nameOf(socket),
      to: checkName(fields.to),
      text: checkText(fields.text),
      at: new Date().toISOString(),
    };
    const { from, to } = whisper;
    if (!this.#parts.people.isOnline(to)) throw new Rejection('away', `${to} is not online.`);
    if (!this.#senders.of(from).mayWhisperTo(to)) {
      throw new Rejection('too_fast', 'You are writing to many new people. Wait a few seconds, then send it again.');
    }
    const earlier = await this.#parts.whispers.add(pairOf(from, to), whisper);
    socket.emit('whisper', earlier ?? whisper);
    if (earlier === undefined) {
      socket.to([userRoomName(from), userRoomName(to)]).emit('whisper', withoutEcho(whisper));
    }
  }

  #typing(socket: ChatSocket, payload: unknown): void {
    const typing = checkTyping(payload);
    const from = this.#nameOf(socket);
    if ('to' in typing) socket.to(userRoomName(typing.to)).emit('typing', { ...typing, from });
    else if (socket.rooms.has(roomName(typing.room))) {
      socket.to(roomName(typing.room)).emit('typing', { ...typing, from });
    }
  }

  async #history(socket: ChatSocket, payload: unknown): Promise<void> {
    const asked = checkHistory(payload);
    const name = this.#nameOf(socket);
    if ('person' in asked) {
      const messages = await this.#parts.whispers.list(pairOf(name, asked.person));
      socket.emit('history', { person: asked.person, messages: messages.map((it) => shownTo(name, it)) });
    } else if (socket.rooms.has(roomName(asked.room))) {
      const messages = await this.#parts.rooms.list(asked.room);
      socket.emit('history', { room: asked.room, messages: messages.map((it) => shownTo(name, it)) });
    }
  }

  /** For messages: the sender receives an answer to each. */
  async #answer(socket: ChatSocket, payload: unknown, act: () => Promise<void>): Promise<void> {
    await this.#tryTo(async () => {
      try {
        if (!this.#senders.of(this.#nameOf(socket)).messages.take()) {
          throw new Rejection('too_fast', 'Too many messages in a short time. Wait a few seconds, then send it again.');
        }
        await act();
      } catch (error) {
        if (!(error instanceof Rejection || error instanceof Refusal)) throw error;
        const { echo } = fieldsOf(payload);
        const code = error instanceof Rejection ? error.code : 'invalid';
        socket.emit('rejected', { echo: typeof echo === 'string' ? echo : '', code, message: error.message });
      }
    });
  }

  /** An error thrown by a handler must not end the process, because any stranger could cause one. */
  async #tryTo(act: () => unknown): Promise<void> {
    try {
      await act();
    } catch (error) {
      if (!(error instanceof Refusal)) console.error('A handler failed:', error);
    }
  }
}

/** The conversation of two people, the same for both. Names contain no slash. */
function pairOf(one: string, other: string): string {
  return [one, other].sort().join('/');
}

function withoutEcho<T extends Entry>({ echo: _, ...message }: T): Omit<T, 'echo'> {
  return message;
}

/** The token of a message is for its sender only. */
function shownTo<T extends Entry>(name: string, message: T): T | Omit<T, 'echo'> {
  return message.from === name ? message : withoutEcho(message);
}
