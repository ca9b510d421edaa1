import { io, type Socket } from 'socket.io-client';
import { expect } from 'vitest';
import type { Down, Person, Presence, SignedIn, Up } from '../../examples/chat/contract.js';
import { roomName, SOCKET_PATH } from '../../examples/chat/words.js';
import { defer } from './cleanup.js';
import { EventLog, eventually, type Patience, unusedPort } from './facts.js';
import { type Program, startProgram } from './process.js';
import { runnerOf, SETTING } from './setting.js';

const BUILD = new URL('../../scripts/build-chat.mjs', import.meta.url);
/** The server program that `buildChat` creates. */
const CHAT_PROGRAM = new URL('../../examples/chat/dist/server/main.js', import.meta.url);
const PATIENCE_MS = 20_000;
const CROWD_AT_ONCE = 50;

/** Builds the chat's server and page. Safe during another build or while a server runs. Call it in `beforeAll`. */
export async function buildChat(): Promise<void> {
  const build = startProgram(BUILD);
  const { code } = await build.ended(60_000);
  if (code !== 0) throw new Error(`The chat could not be built: ${build.messages.all.join('\n')}${build.stderr}`);
}

export interface ChatOptions {
  /** A free port by default. */
  port?: number;
  redisUrl?: string;
  env?: Readonly<Record<string, string>>;
  /** The runtime; by default that of the setting. */
  runtime?: typeof SETTING.runtime;
}

/** The chat's server in a separate process; killed at the end of the test. */
export interface RunningChat {
  readonly program: Program;
  readonly port: number;
  readonly url: string;
  /** Calls the operator's API; returns status and body. `token: null` sends no token. */
  operate(path: string, body?: unknown, token?: string | null): Promise<{ status: number; body: unknown }>;
}

export const OPERATOR_TOKEN = 'the-operator';
/** So that logins last over a restart, and are known to all instances. */
const CHAT_SECRET = 'the-secret';

/** Runs the output of `buildChat` unchanged. */
export function runChat(env: Readonly<Record<string, string>>, runtime = SETTING.runtime): Program {
  return startProgram(CHAT_PROGRAM, { node: runnerOf(runtime).node, env });
}

/** Starts the output of `buildChat`; resolves once it accepts requests. */
export async function startChat({ port, redisUrl, env = {}, runtime }: ChatOptions = {}): Promise<RunningChat> {
  const chosen = port ?? (await unusedPort());
  const url = `http://localhost:${chosen}`;
  const redis = redisUrl === undefined ? {} : { REDIS_URL: redisUrl };
  const program = runChat({ PORT: `${chosen}`, OPERATOR_TOKEN, CHAT_SECRET, ...redis, ...env }, runtime);
  const ready = (line: unknown) => String(line).startsWith('The chat is ready');
  await program.messages.next(ready, { timeout: PATIENCE_MS, what: 'the chat is ready' });
  return {
    program,
    port: chosen,
    url,
    operate: async (path, body, token = OPERATOR_TOKEN) => {
      const response = await fetch(`${url}/operator${path}`, {
        method: body === undefined ? 'GET' : 'POST',
        headers: token === null ? {} : { authorization: `Bearer ${token}` },
        ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
      });
      return { status: response.status, body: await response.json() };
    },
  };
}

export async function signIn(url: string, name: string): Promise<SignedIn> {
  const response = await fetch(`${url}/api/sign-in`, { method: 'POST', body: JSON.stringify({ name }) });
  if (response.status !== 200) throw new Error(`sign-in answered ${response.status}`);
  return (await response.json()) as SignedIn;
}

/** Roomgate's key of an answer that is an error. */
const ERROR_KEY = 'roomgate:error';

/** The topics with an answer. */
type Asked = 'say' | 'whisper' | 'history' | 'whispers';
type TAnswer<T extends Asked> = Parameters<NonNullable<Parameters<Up[T]>[1]>>[0];
type Refusal = { code: string; message: string; retryAfter?: number; issues?: { path: string; code: string }[] };

function isRefused(answer: unknown): answer is { [ERROR_KEY]: Refusal } {
  return typeof answer === 'object' && answer !== null && ERROR_KEY in answer;
}

type TPayload<E extends keyof Down> = Parameters<Down[E]>[0];

/** One window of one person, with a plain Socket.IO client. */
export class ChatClient {
  readonly name: string;
  readonly socket: Socket<Down, Up>;
  readonly #heard = new EventLog<readonly [event: string, payload: unknown]>();

  private constructor(url: string, name: string, token: string, transports = ['polling', 'websocket']) {
    this.name = name;
    this.socket = io(url, { path: SOCKET_PATH, auth: { token }, forceNew: true, reconnection: false, transports });
    this.socket.onAny((event: string, payload: unknown) => this.#heard.push([event, payload]));
    this.socket.on('connect', () => this.sendRaw('authenticate'));
    defer(() => this.socket.disconnect());
  }

  /** Connects and sends `authenticate` with this token. */
  static knock(url: string, token: string): ChatClient {
    return new ChatClient(url, '', token);
  }

  /** Signs in; resolves once it has joined these rooms. */
  static async enter(url: string, name: string, ...rooms: string[]): Promise<ChatClient> {
    const client = new ChatClient(url, name, (await signIn(url, name)).token);
    await client.#comeIn(rooms);
    return client;
  }

  /** Many people in one room. WebSocket only: long polling would add a dozen requests for each. */
  static async crowd(url: string, names: readonly string[], room: string): Promise<void> {
    // In groups, because each connection attempt has a time limit.
    for (let from = 0; from < names.length; from += CROWD_AT_ONCE) {
      const entering = names.slice(from, from + CROWD_AT_ONCE).map(async (name) => {
        const { token } = await signIn(url, name);
        await new ChatClient(url, name, token, ['websocket']).#comeIn([room]);
      });
      await Promise.all(entering);
    }
  }

  /** Waits until the server has sent it away, and comes back. */
  async comesBack(...rooms: string[]): Promise<void> {
    await eventually(() => expect(this.socket.disconnected).toBe(true), { timeout: PATIENCE_MS });
    this.socket.connect();
    await this.#comeIn(rooms);
  }

  async #comeIn(rooms: readonly string[]): Promise<void> {
    await this.next('welcome', () => true, { timeout: PATIENCE_MS });
    const { refused } = await this.join(...rooms.map(roomName));
    if (refused.length > 0) throw new Error(`refused: ${JSON.stringify(refused)}`);
  }

  get id(): string {
    return this.socket.id ?? '';
  }

  /** All events of this name so far. */
  all<E extends keyof Down>(event: E): TPayload<E>[] {
    return this.#heard.all.filter(([name]) => name === event).map(([, payload]) => payload as TPayload<E>);
  }

  /** The first matching event that no earlier call has returned. */
  async next<E extends keyof Down>(
    event: E,
    accepts: (payload: TPayload<E>) => boolean = () => true,
    patience: Patience = {},
  ): Promise<TPayload<E>> {
    const fits = ([name, payload]: readonly [string, unknown]) => name === event && accepts(payload as TPayload<E>);
    const [, payload] = await this.#heard.next(fits, { what: `"${event}" for ${this.name}`, ...patience });
    return payload as TPayload<E>;
  }

  /** Roomgate's complete answer, with the Socket.IO names of the rooms. */
  async join(...rooms: string[]): Promise<{ joined: string[]; refused: { room: string; code: string }[] }> {
    const socket = this.socket as unknown as Socket;
    return socket.timeout(PATIENCE_MS).emitWithAck('join', { rooms });
  }

  async leave(...rooms: string[]): Promise<void> {
    const socket = this.socket as unknown as Socket;
    await socket.timeout(PATIENCE_MS).emitWithAck('leave', { rooms });
  }

  /** The answer to an event of the contract. Fails if it is an error. */
  async ask<T extends Asked>(topic: T, data: Parameters<Up[T]>[0]): Promise<TAnswer<T>> {
    const answer = await this.#answerTo(topic, data);
    if (isRefused(answer)) throw new Error(`${topic} was answered with ${JSON.stringify(answer)}`);
    return answer as TAnswer<T>;
  }

  /** The error in the answer to any value, valid or not. Fails if the answer has none. */
  async refusal(topic: Asked, data: unknown): Promise<Refusal> {
    const answer = await this.#answerTo(topic, data);
    if (isRefused(answer)) return answer[ERROR_KEY];
    throw new Error(`${topic} was answered with ${JSON.stringify(answer)}`);
  }

  async #answerTo(topic: string, data: unknown): Promise<unknown> {
    return (this.socket as unknown as Socket).timeout(PATIENCE_MS).emitWithAck(topic, data);
  }

  /** Sends any value, valid or not. */
  sendRaw(event: string, ...payload: unknown[]): void {
    (this.socket as unknown as Socket).emit(event, ...payload);
  }

  /** The people that this client knows of, by name. */
  get people(): Person[] {
    const known = new Map<string, Person>();
    for (const [event, payload] of this.#heard.all) {
      const { people, changed, gone } = changesOf(event, payload);
      if (people !== undefined) known.clear();
      for (const name of gone) known.delete(name);
      for (const person of people ?? changed) known.set(person.name, person);
    }
    return [...known.values()].sort((one, other) => one.name.localeCompare(other.name));
  }

  /** Resolves once this client knows of exactly these people: `name: room, room` each. */
  async sees(people: readonly string[], timeout?: number): Promise<void> {
    const words = () => this.people.map(({ name, rooms }) => `${name}: ${rooms.join(', ')}`);
    const fact = () => JSON.stringify(words()) === JSON.stringify(people);
    const what = `${this.name} sees ${people.join('; ')}`;
    try {
      await eventually(fact, { what, ...(timeout === undefined ? {} : { timeout }) });
    } catch (error) {
      throw new Error(`${(error as Error).message}, but ${words().join('; ')}`);
    }
  }
}

/** The people in an event: the whole list, changes, or nothing. */
function changesOf(event: string, payload: unknown): Presence & { people?: Person[] } {
  if (event === 'people') return { changed: [], gone: [], ...(payload as { people: Person[] }) };
  return event === 'presence' ? (payload as Presence) : { changed: [], gone: [] };
}
