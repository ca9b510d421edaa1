import type { Server as HttpServer } from 'node:http';
import type { Redis } from 'ioredis';
import { beforeAll, beforeEach } from 'vitest';
import type * as roomgate from '../../src/index.js';
import type { SocketIOServerHelper, TSocketIOServerOptions } from '../../src/index.js';
import type { IOServer } from '../../src/ports/socket.js';
import { eventually } from '../support/facts.js';
import { type Program, startProgram } from '../support/process.js';
import { startRedis } from '../support/redis.js';
import { type ClientOptions, connect, connectAuthenticated, type TestClient } from '../support/server.js';
import { runnerOf, SETTING } from '../support/setting.js';

const PROGRAM = new URL('../fixtures/behaviour-server.mjs', import.meta.url);

/** Values for a test's function. It runs in the program, so it cannot use anything else of its test. */
export interface Inside {
  readonly roomgate: typeof roomgate;
  readonly helper: SocketIOServerHelper;
  readonly io: IOServer;
  readonly transport: {
    readonly options: { readonly server?: HttpServer };
    listening(): Promise<boolean> | boolean;
    wires(): Promise<number>;
  };
  // biome-ignore lint/suspicious/noExplicitAny: tests keep any value here
  readonly memory: Record<string, any>;
  /** The program's log, as `level: text`. */
  readonly lines: string[];
  /** Sends a note to the test; see {@link Served.notes}. */
  note(value: unknown): void;
  /** Imports a package: `import()` itself can't be sent along with a function. */
  // biome-ignore lint/suspicious/noExplicitAny: the exports depend on the package
  load(name: string): Promise<any>;
  newRedis(): Redis;
  /** Creates another helper in the same program, not configured yet. */
  make(options?: Options, where?: Serving): Promise<{ helper: SocketIOServerHelper }>;
  /** Starts another helper with its own server; resolves to its address. */
  serve(options?: Options, where?: Serving): Promise<string>;
}

type Options = Partial<Omit<TSocketIOServerOptions, 'runtime' | 'server' | 'engine'>>;

/** The transport; see `transport.mjs`. */
export interface Serving {
  readonly host?: string;
  readonly port?: number;
  readonly tls?: { readonly key: string; readonly cert: string };
  readonly handlers?: 'late' | 'early' | 'written';
}

export interface ServedOptions {
  /** Options of the helper. Default: see `behaviour-server.mjs`. */
  readonly options?: (inside: Inside) => Options | Promise<Options>;
  /** Runs before `configure()`. */
  readonly before?: (inside: Inside) => unknown;
  readonly serving?: Serving;
  readonly runtime?: 'node' | 'bun';
  readonly redisPort?: number;
  readonly identifier?: string;
}

/** A server in a separate program, on the runtime and the backplane of the setting. */
export class Served {
  readonly program: Program;
  readonly url: string;
  #calls = 0;

  constructor(program: Program, url: string) {
    this.program = program;
    this.url = url;
  }

  get port(): number {
    return Number(new URL(this.url).port);
  }

  /** Runs a function in the program, with arguments that JSON can represent. Rejects with the error that it threw. */
  async run<A extends readonly unknown[], R>(act: (inside: Inside, ...args: A) => R | Promise<R>, ...args: A) {
    this.#calls += 1;
    const call = this.#calls;
    this.program.send({ call, source: String(act), args });
    const { result, error, code } = await this.program.messages.next((message) => message?.call === call, {
      timeout: 10_000,
      what: `an answer to ${String(act).slice(0, 200)}`,
    });
    if (error !== undefined) throw Object.assign(new Error(error), { code });
    return result as R;
  }

  /** The next note of the program. */
  async note(): Promise<unknown> {
    const { note } = await this.program.messages.next((message) => message?.note !== undefined, { what: 'a note' });
    return note;
  }

  /** All notes so far. The program sends them before its answer. */
  async notes(): Promise<unknown[]> {
    await this.run(() => {});
    return this.program.messages.all.filter((message) => message?.note !== undefined).map(({ note }) => note);
  }

  /** Resolves once the server has no clients left. */
  async holdsNobody(): Promise<void> {
    const held = () =>
      this.run(({ helper, io }) => [
        helper.getClients().size,
        io.engine.clientsCount,
        io.sockets.adapter.sids.size,
        io.sockets.adapter.rooms.size,
      ]);
    const isEmpty = async () => (await held()).every((count) => count === 0);
    await eventually(isEmpty, { timeout: 10_000, what: 'no client is left' });
  }
}

/** Starts a server program. Stops with the test, or with the file if called outside of a test. */
export async function serve({ options, before, runtime, ...config }: ServedOptions = {}): Promise<Served> {
  const redisPort = config.redisPort ?? (SETTING.redis ? (await startRedis()).port : undefined);
  const sources = { ...(options && { options: String(options) }), ...(before && { before: String(before) }) };
  const program = startProgram(PROGRAM, {
    args: [JSON.stringify({ ...config, ...sources, redisPort })],
    ...runnerOf(runtime),
  });
  const { url } = await program.messages.next((message) => message?.url !== undefined, { timeout: 25_000 });
  return new Served(program, url as string);
}

/**
 * One program for those tests of a file or a `describe` that don't change it. Each test starts without clients and
 * with an empty log.
 */
export function serveForAll(options?: ServedOptions): () => Served {
  let server: Served | undefined;
  const served = (): Served => {
    if (server === undefined) throw new Error('serveForAll(): there is a server in tests only');
    return server;
  };
  beforeAll(async () => {
    server = await serve(options);
  });
  beforeEach(async () => {
    await served().holdsNobody();
    await served().run(({ lines, memory }) => {
      lines.splice(0);
      for (const key of Object.keys(memory)) delete memory[key];
    });
  });
  return served;
}

/** The transports of a client. */
export const WAYS = [
  { way: 'websocket', transports: ['websocket'] },
  { way: 'polling', transports: ['polling'] },
  { way: 'polling, then upgraded', transports: ['polling', 'websocket'] },
];

/** An authenticated client; it has upgraded its transport if the transports say so. */
export async function enter(url: string, options: ClientOptions = {}): Promise<TestClient> {
  const client = await connectAuthenticated(url, options);
  const { transports = ['websocket'] } = options;
  await eventually(() => client.socket.io.engine.transport.name === transports.at(-1), { what: 'the upgrade' });
  return client;
}

/** The id of a connected client. */
export function idOf({ socket }: TestClient): string {
  if (socket.id === undefined) throw new Error('this client is not connected');
  return socket.id;
}

/** A client that has connected, and not authenticated. */
export async function stranger(url: string, options: ClientOptions = {}): Promise<TestClient> {
  const client = connect(url, options);
  await client.heardOf('connect');
  return client;
}

/** The payloads of a topic, in order. */
export function heardOn({ heard }: TestClient, topic: string): unknown[] {
  return heard.filter(([event]) => event === topic).map(([, payload]) => payload);
}

/** The names of a client's received events, without the keep-alive. */
export function topicsOf({ heard }: TestClient): string[] {
  return heard.map(([event]) => event);
}
