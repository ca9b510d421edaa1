import { type IJoinAnswer, type IRefusedRoom, isRequestError, SocketIOClientHelper } from 'roomgate/client';
import type { Down, Typing, Up } from '../../contract.js';
import { roomIdOf, roomName, SOCKET_PATH } from '../../words.js';
import { freshToken, LoginEnded, NotSignedIn, signIn } from './api.js';
import type { Told } from './entries.js';
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
import { whyNotSent } from './why-not-sent.js';

/** How long a message may take, in milliseconds: it waits for the connection, and then for its answer. */
const PATIENCE_MS = 30_000;
const CLOCK_MS = 1_000;
const HISTORY_AGAIN_MS = 5_000;

/** Not answers of the server: the helper asks for the room as soon as it is authenticated. */
const UNASKED: ReadonlySet<string> = new Set(['offline', 'unauthenticated']);

/** With these codes, asking for a history again can't help. */
const FINAL: ReadonlySet<string> = new Set(['invalid', 'not_in_room']);

/** A message without an answer may have arrived. */
const UNANSWERED: ReadonlySet<string> = new Set(['disconnected', 'timed_out']);

/** The events of the chat, and the one of Roomgate that tells a client why it is no longer in a room. */
type Heard = Down & { 'roomgate:left': (left: { rooms: IRefusedRoom[] }) => void };

/** The page's one connection. It turns what it receives into actions of the store. */
export class Link {
  readonly #store: Store;
  readonly #me: string;
  readonly #helper: SocketIOClientHelper<Heard, Up>;
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
    this.#clock = setInterval(() => store.dispatch({ type: 'clock', now: Date.now() }), CLOCK_MS);
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
    const entry: Entry = { id: newToken(), from: this.#me, text, at: new Date().toISOString(), delivery: 'sending' };
    this.#store.dispatch({ type: 'written', key, entry });
    void this.#send(key, entry);
  }

  /** Keeps the token, so the server does not add the message again if it had arrived. */
  sayAgain(key: Key, entry: Entry): void {
    this.#store.dispatch({ type: 'again', key, id: entry.id });
    void this.#send(key, entry);
  }

  typing(key: Key, typing: boolean): void {
    // Not queued, because it is about this moment.
    if (!this.#isIn) return;
    const { kind, name } = targetOf(key);
    this.#helper.emit({ topic: 'typing', data: kind === 'room' ? { room: name, typing } : { to: name, typing } });
  }

  /** Asks for the history of a conversation with a person. That of a room is asked for when it is joined. */
  look(key: Key): void {
    if (targetOf(key).kind === 'person' && !conversationOf(this.#store.state, key).isLoaded) {
      void this.#askHistory(key);
    }
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

  /** The server answers with the message as everybody sees it. */
  async #send(key: Key, { id, text }: Entry): Promise<void> {
    const { kind, name } = targetOf(key);
    const sent = { echo: id, text };
    const timeout = PATIENCE_MS;
    try {
      const message: Told =
        kind === 'room'
          ? await this.#helper.request({ topic: 'say', data: { ...sent, room: name }, timeout })
          : await this.#helper.request({ topic: 'whisper', data: { ...sent, to: name }, timeout });
      this.#store.dispatch({ type: 'told', key, message });
    } catch (error) {
      if (isRequestError(error) && error.mayHaveRun && UNANSWERED.has(error.code)) this.#doubt(key, id);
      else this.#store.dispatch({ type: 'failed', id, reason: whyNotSent(error) });
    }
  }

  /** The history decides. This page can't read the history of a room that it is not in. */
  #doubt(key: Key, id: string): void {
    const { kind, name } = targetOf(key);
    this.#store.dispatch({ type: 'doubted', key, id });
    if (kind === 'room' && isOutside(membershipOf(this.#store.state, name))) this.#giveUpOn(key);
    void this.#askHistory(key);
  }

  #subscribe(): void {
    const { dispatch } = this.#store;
    this.#helper.subscribeMany({
      events: {
        welcome: (welcome) => dispatch({ type: 'welcome', welcome }),
        message: (message) => dispatch({ type: 'told', key: roomKey(message.room), message }),
        whisper: (message) =>
          dispatch({ type: 'told', key: personKey(this.#other(message.from, message.to)), message }),
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
    for (const key of keys) if (targetOf(key).kind === 'person') void this.#askHistory(key);
  }

  #roomsAnswered({ joined, refused }: IJoinAnswer): void {
    const changes: [string, Membership][] = [];
    for (const room of joined) {
      const id = roomIdOf(room) ?? room;
      if (membershipOf(this.#store.state, id).state === 'out') continue;
      changes.push([id, { state: 'in' }]);
      void this.#askHistory(roomKey(id));
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
    for (const [room, membership] of changes) if (isOutside(membership)) this.#giveUpOn(roomKey(room));
  }

  #giveUpOn(key: Key): void {
    for (const { id, delivery } of conversationOf(this.#store.state, key).entries) {
      if (delivery === 'doubtful') this.#store.dispatch({ type: 'failed', id, reason: 'you are not in this room' });
    }
  }

  async #askHistory(key: Key): Promise<void> {
    if (!this.#isIn) return;
    const { kind, name } = targetOf(key);
    try {
      const messages: readonly Told[] =
        kind === 'room'
          ? await this.#helper.request({ topic: 'history', data: { room: name } })
          : await this.#helper.request({ topic: 'whispers', data: { person: name } });
      this.#store.dispatch({ type: 'history', key, messages });
    } catch (error) {
      if (!isRequestError(error) || FINAL.has(error.code)) return;
      // Without a connection it does nothing: after each reconnect, the page asks for all histories anyway.
      setTimeout(() => void this.#askHistory(key), error.retryAfter ?? HISTORY_AGAIN_MS);
    }
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
}

function isOutside({ state }: Membership): boolean {
  return state === 'out' || state === 'refused';
}

/** Not `crypto.randomUUID`, which browsers offer on localhost and over HTTPS only. */
function newToken(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(12)), (byte) => byte.toString(16).padStart(2, '0')).join('');
}
