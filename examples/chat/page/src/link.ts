import { type IJoinAnswer, type IRefusedRoom, RoomgateError, SocketIOClientHelper } from 'roomgate/client';
import {
  type ClientEvents,
  type ConversationHistory,
  roomIdOf,
  roomName,
  type ServerEvents,
  SOCKET_PATH,
  type Typing,
} from '../../words.js';
import { freshToken, LoginEnded, NotSignedIn, signIn } from './api.js';
import {
  conversationOf,
  type Entry,
  type Key,
  type Membership,
  membershipOf,
  personKey,
  roomKey,
  targetOf,
} from './state.js';
import type { Store } from './store.js';

/** A message without an answer after so many milliseconds is looked up in the history. */
const ECHO_MS = 15_000;
const CLOCK_MS = 1_000;

/** Not answers of the server: the helper asks for the room as soon as it is authenticated. */
const UNASKED: ReadonlySet<string> = new Set(['offline', 'unauthenticated']);

const WHY_NOT_SENT: Readonly<Record<string, string>> = {
  expired: 'the connection was lost for too long',
  refused: 'you are signed out',
  disconnected: 'you are disconnected',
  not_connected: 'you are disconnected',
  queue_full: 'too many messages are waiting already',
  shut_down: 'you signed out',
};

/** The events of the chat, and the one of Roomgate that tells a client why it is no longer in a room. */
type Heard = ServerEvents & { 'roomgate:left': (left: { rooms: IRefusedRoom[] }) => void };

/** The page's one connection. It turns what it receives into actions of the store. */
export class Link {
  readonly #store: Store;
  readonly #me: string;
  readonly #helper: SocketIOClientHelper<Heard, ClientEvents>;
  readonly #clock: ReturnType<typeof setInterval>;
  /** The reason why the server gave no token, as last shown. */
  #problem = '';
  #isOver = false;

  constructor(store: Store, me: string, rooms: readonly string[]) {
    this.#store = store;
    this.#me = me;
    this.#helper = new SocketIOClientHelper({
      identifier: 'chat',
      host: location.origin,
      options: { path: SOCKET_PATH },
      // Called for each connection, and while connected before a token expires: the connection stays, with the new token.
      credentials: async () => ({ token: await this.#freshToken() }),
      queue: true,
      logger: false,
      onStatusChanged: (line) => {
        if (!this.#isOver) store.dispatch({ type: 'line', line, now: Date.now() });
      },
      onAuthenticated: () => this.#letIn(),
      onError: (error) => this.#failed(error),
      onRoomsRejoined: (answer) => this.#roomsAnswered(answer),
    });
    store.dispatch({ type: 'line', line: this.#helper.getStatus(), now: Date.now() });
    this.#subscribe();
    this.#watchTransport();
    // There is no connection yet. The helper asks for the rooms once it is authenticated, before it sends queued messages.
    for (const room of rooms) void this.join(room);
    this.#clock = setInterval(() => this.#tick(), CLOCK_MS);
  }

  /** Connects now: between two attempts, and after a refusal. A refusal may have ended the login, so that needs a new one. */
  async connect(): Promise<void> {
    try {
      if (this.#helper.getStatus().status === 'refused') await this.#signInAgain();
      if (!this.#isOver) this.#helper.connect();
    } catch (error) {
      this.#notSignedIn(error);
    }
  }

  /** Closes the connection below Socket.IO, as a network failure would. The helper reconnects. */
  cut(): void {
    this.#helper.getSocketClient().io.engine?.close();
  }

  async join(room: string): Promise<void> {
    this.#setMemberships([[room, { state: 'asking' }]]);
    this.#roomsAnswered(await this.#helper.joinRooms({ rooms: [roomName(room)] }));
  }

  async leave(room: string): Promise<void> {
    this.#setMemberships([[room, { state: 'out' }]]);
    await this.#helper.leaveRooms({ rooms: [roomName(room)] });
  }

  say(key: Key, text: string): void {
    const entry: Entry = { id: newToken(), from: this.#me, text, at: new Date().toISOString(), delivery: 'waiting' };
    this.#store.dispatch({ type: 'written', key, entry });
    this.#send(key, entry);
  }

  /** Keeps the token, so the server does not add the message again if it had arrived. */
  sayAgain(key: Key, entry: Entry): void {
    this.#store.dispatch({ type: 'again', key, id: entry.id });
    this.#send(key, entry);
  }

  typing(key: Key, typing: boolean): void {
    // Not queued, because it is about this moment.
    if (!this.#isIn) return;
    const { kind, name } = targetOf(key);
    this.#helper.emit({ topic: 'typing', data: kind === 'room' ? { room: name, typing } : { to: name, typing } });
  }

  /** Asks for the history of a conversation with a person. That of a room is asked for when it is joined. */
  look(key: Key): void {
    if (targetOf(key).kind === 'person' && !conversationOf(this.#store.state, key).isLoaded) this.#askHistory(key);
  }

  /** Signs out: nothing that is queued is sent, and the token is not used again. */
  async end(): Promise<void> {
    this.#isOver = true;
    clearInterval(this.#clock);
    await this.#helper.signOut();
    this.#helper.shutdown();
  }

  async #freshToken(): Promise<string> {
    try {
      return await freshToken(this.#store.state.login ?? '');
    } catch (error) {
      if (!(error instanceof LoginEnded)) throw error;
      // There are no passwords here, so the page signs in again by itself. Yours shows its form: return null as credentials.
      return this.#signInAgain();
    }
  }

  async #signInAgain(): Promise<string> {
    const { login, token } = await signIn(this.#me);
    this.#store.dispatch({ type: 'signed in again', login });
    return token;
  }

  get #isIn(): boolean {
    return this.#helper.getStatus().status === 'authenticated';
  }

  #send(key: Key, { id, text }: Entry): void {
    const { kind, name } = targetOf(key);
    const cb = (error?: RoomgateError): void => {
      if (error === undefined) this.#store.dispatch({ type: 'handed over', key, id, now: Date.now() });
      else this.#notSent(id, error);
    };
    try {
      if (kind === 'room') this.#helper.emit({ topic: 'say', data: { echo: id, room: name, text }, cb });
      else this.#helper.emit({ topic: 'whisper', data: { echo: id, to: name, text }, cb });
    } catch (error) {
      this.#notSent(id, error);
    }
  }

  #notSent(id: string, error: unknown): void {
    const code = error instanceof RoomgateError ? error.code : '';
    this.#store.dispatch({ type: 'failed', id, reason: WHY_NOT_SENT[code] ?? 'it could not be sent' });
  }

  #subscribe(): void {
    const { dispatch } = this.#store;
    this.#helper.subscribeMany({
      events: {
        welcome: (welcome) => dispatch({ type: 'welcome', welcome }),
        message: (message) => dispatch({ type: 'told', key: roomKey(message.room), message }),
        whisper: (message) =>
          dispatch({ type: 'told', key: personKey(this.#other(message.from, message.to)), message }),
        rejected: ({ echo, message }) => dispatch({ type: 'failed', id: echo, reason: message }),
        history: (history) => dispatch({ type: 'history', key: keyOf(history), messages: history.messages }),
        typing: (typing) => this.#typed(typing),
        people: ({ people }) => dispatch({ type: 'people', people, now: Date.now() }),
        presence: (changes) => dispatch({ type: 'presence', changes, now: Date.now() }),
        health: ({ degraded, message }) => dispatch({ type: 'health', degraded, message }),
        rooms: ({ rooms }) => this.#moved(rooms),
        'roomgate:left': ({ rooms }) => this.#roomsAnswered({ joined: [], refused: rooms }),
        notice: ({ text, at }) => dispatch({ type: 'notice', text, at, isFromOperator: true }),
      },
    });
  }

  /** For the developer panel. The transport changes when Socket.IO upgrades from polling to WebSocket. */
  #watchTransport(): void {
    const { io } = this.#helper.getSocketClient();
    io.on('open', () => {
      this.#noteTransport();
      io.engine.on('upgrade', () => this.#noteTransport());
    });
  }

  #noteTransport(): void {
    const { io, id } = this.#helper.getSocketClient();
    const name = io.engine.transport.name;
    this.#store.dispatch({ type: 'transport', name, socketId: id, now: Date.now() });
  }

  /** The name may be free at the next attempt. Until then the person sees why this one failed. */
  #failed(error: Error): void {
    this.#store.dispatch({ type: 'error', message: error.message, now: Date.now() });
    if (error.cause instanceof NotSignedIn && error.cause.message !== this.#problem) this.#notSignedIn(error.cause);
  }

  #notSignedIn(error: unknown): void {
    const text = error instanceof NotSignedIn ? error.message : 'The server does not answer. Try again in a moment.';
    this.#problem = text;
    this.#store.dispatch({ type: 'notice', text, at: new Date().toISOString(), isFromOperator: false });
  }

  #letIn(): void {
    this.#problem = '';
    this.#store.dispatch({ type: 'let in' });
    this.#noteTransport();
    const { conversations, open } = this.#store.state;
    const keys = new Set([...conversations.keys(), open]);
    // For all of them, because somebody may have written while this page was disconnected.
    for (const key of keys) if (targetOf(key).kind === 'person') this.#askHistory(key);
  }

  #roomsAnswered({ joined, refused }: IJoinAnswer): void {
    const changes: [string, Membership][] = [];
    for (const room of joined) {
      const id = roomIdOf(room) ?? room;
      if (membershipOf(this.#store.state, id).state === 'out') continue;
      changes.push([id, { state: 'in' }]);
      this.#askHistory(roomKey(id));
    }
    for (const { room, code, message } of refused) {
      if (!UNASKED.has(code)) changes.push([roomIdOf(room) ?? room, { state: 'refused', reason: message }]);
    }
    this.#setMemberships(changes);
  }

  /** An operator moved this client. The helper has to know, so that it asks for the right rooms after a reconnect. */
  #moved(rooms: readonly string[]): void {
    const before = this.#store.state.memberships;
    for (const room of rooms) {
      if (before.get(room)?.state !== 'in') void this.join(room);
    }
    for (const [room, { state }] of before) {
      if (state !== 'in' || rooms.includes(room)) continue;
      void this.#helper.leaveRooms({ rooms: [roomName(room)] });
      this.#setMemberships([[room, { state: 'out', reason: 'An operator removed you from this room.' }]]);
    }
  }

  #setMemberships(changes: readonly (readonly [string, Membership])[]): void {
    if (changes.length > 0) this.#store.dispatch({ type: 'memberships', changes: new Map(changes) });
    for (const [room, { state }] of changes) if (state === 'out' || state === 'refused') this.#giveUpOn(roomKey(room));
  }

  /** This page can't read the history of a room that it is not in, so it can't look up these messages. */
  #giveUpOn(key: Key): void {
    for (const { id, delivery } of conversationOf(this.#store.state, key).entries) {
      if (delivery === 'sending') this.#store.dispatch({ type: 'failed', id, reason: 'you are not in this room' });
    }
  }

  #askHistory(key: Key): void {
    if (!this.#isIn) return;
    const { kind, name } = targetOf(key);
    this.#helper.emit({ topic: 'history', data: kind === 'room' ? { room: name } : { person: name } });
  }

  #typed(typing: Typing): void {
    const key = 'room' in typing ? roomKey(typing.room) : personKey(this.#other(typing.from, typing.to));
    if (typing.from === this.#me) return;
    this.#store.dispatch({ type: 'typing', key, from: typing.from, typing: typing.typing, now: Date.now() });
  }

  /** The other person of a conversation. */
  #other(from: string, to: string): string {
    return from === this.#me ? to : from;
  }

  #tick(): void {
    const now = Date.now();
    this.#store.dispatch({ type: 'clock', now });
    if (!this.#isIn) return;
    for (const [key, { entries }] of this.#store.state.conversations) {
      const late = entries.filter((it) => it.delivery === 'sending' && now - (it.handedAt ?? 0) > ECHO_MS);
      for (const { id } of late) this.#store.dispatch({ type: 'doubted', key, id, now });
      if (late.length > 0) this.#askHistory(key);
    }
  }
}

function keyOf(history: ConversationHistory): Key {
  return 'room' in history ? roomKey(history.room) : personKey(history.person);
}

/** Not `crypto.randomUUID`, which browsers offer on localhost and over HTTPS only. */
function newToken(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(12)), (byte) => byte.toString(16).padStart(2, '0')).join('');
}
