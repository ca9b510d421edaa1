// npm test: node, bun
// npm run test:matrix: newest-node, oldest-bun
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import type { SocketIOClientHelper } from '../../src/client/client-helper.js';
import { UNAUTHENTICATED_ERRORS } from '../../src/protocol/errors.js';
import { type PastedProject, PROJECT, pasteProject } from '../support/document.js';
import { unusedPort } from '../support/facts.js';
import { OtherServer } from '../support/other-server.js';
import type { Program } from '../support/process.js';
import { rawWebSocket, type WebSocketPeer } from '../support/raw.js';
import { startRedis } from '../support/redis.js';
import { linesOf, Names, scenariosIn } from '../support/scenario.js';
import { SETTING } from '../support/setting.js';

const DOCUMENT = 'docs/protocol.md';
/** The exact numbers of scenarios in the document. If you remove one there, change its number here. */
const HAPPY = 21;
const UNHAPPY = 34;
const OTHER_SERVERS = 11;
const SLOW = { timeout: 20_000 };
/** A scenario that stops the server has its own server. */
const STOPS = '— the server gets SIGTERM';
/** A scenario with two instances on one Redis. */
const AT_THE_SECOND = /^— a WebSocket to the second instance/;

const scenarios = scenariosIn(await readFile(join(PROJECT, DOCUMENT), 'utf8'));
const played = scenarios.filter(({ number }) => /^[HU]/.test(number));

it('numbers its scenarios without a gap', () => {
  const numbers = (letter: string, count: number) =>
    Array.from({ length: count }, (_, index) => `${letter}${index + 1}`);
  expect(scenarios.map(({ number }) => number)).toEqual([
    ...numbers('H', HAPPY),
    ...numbers('U', UNHAPPY),
    ...numbers('S', OTHER_SERVERS),
  ]);
});

interface Running {
  readonly url: string;
  readonly program: Program;
  /** Starts another one at the same address. */
  again(): Promise<Running>;
}

interface StartOptions {
  readonly port?: number;
  readonly redisPort?: number;
}

let project: PastedProject;
const running = new Map<string, Running>();

/**
 * The close codes for a code of the document: Bun always sends a code, and Bun 1.2 reports none for a large message.
 */
function codesOf(code: string): readonly number[] {
  const onBun: Readonly<Record<string, readonly number[]>> = { 1005: [1000], 1009: [1009, 1006] };
  return (SETTING.runtime === 'bun' && onBun[code]) || [Number(code)];
}

/** The parts of the document's server that differ on Bun. Its messages to clients are the same. */
const ON_BUN = {
  "import { createServer } from 'node:http';": "import { Server } from '@socket.io/bun-engine';",
  'const server = createServer((_, response) => response.writeHead(404).end());': 'const engine = new Server();',
  "runtime: 'node',\n  server,": "runtime: 'bun',\n  engine,",
  "server.listen(Number(PORT), '127.0.0.1', () => console.log('listening'));":
    "Bun.serve({ port: Number(PORT), hostname: '127.0.0.1', ...engine.handler() });\nconsole.log('listening');",
};

async function start(options: string, { port, redisPort }: StartOptions = {}): Promise<Running> {
  const own = port ?? (await unusedPort());
  const redis = redisPort === undefined ? {} : { REDIS_PORT: `${redisPort}` };
  const { runtime } = SETTING;
  const replace = runtime === 'bun' ? ON_BUN : {};
  const program = await project.start('server.ts', {
    env: { PORT: `${own}`, OPTIONS: options, ...redis },
    runtime,
    replace,
  });
  expect(await program.messages.next(undefined, SLOW)).toBe('listening');
  return { url: `http://127.0.0.1:${own}`, program, again: () => start(options, { port: own }) };
}

/** Two instances on a Redis of their own. */
async function startTwo(options: string): Promise<readonly [Running, Running]> {
  const { port: redisPort } = await startRedis();
  return Promise.all([start(options, { redisPort }), start(options, { redisPort })]);
}

beforeAll(async () => {
  project = await pasteProject(DOCUMENT);
  expect(project.compiled).toBe('');
  const all = [...new Set(played.map(({ options }) => options))];
  await Promise.all(all.map(async (options) => running.set(options, await start(options))));
});

/** Plays the client's part of a scenario, and compares the server's with the document. */
class Player {
  readonly #names = new Names();
  readonly #sockets: WebSocketPeer[] = [];
  readonly #answerPings: boolean;
  readonly #second: Running | undefined;
  #server: Running;
  #current: WebSocketPeer | undefined;

  constructor([server, second]: readonly [Running, Running?], lines: readonly string[]) {
    this.#server = server;
    this.#second = second;
    this.#answerPings = !lines.includes('← 2');
  }

  async play(line: string): Promise<void> {
    const [kind, text] = [line.slice(0, 1), line.slice(2)];
    if (kind === '→') this.#socket.send(this.#names.fill(text));
    else if (kind === '←') this.#names.expectFrame(await this.#next(text), text);
    else if (kind === '—') await this.#happen(text);
    else throw new Error(`no line of a scenario: ${line}`);
  }

  /** Expects that no connection received anything else. */
  async end(): Promise<void> {
    for (const socket of this.#sockets) {
      socket.close();
      await socket.closed;
      expect(socket.frames.unread.filter((frame) => frame !== '2')).toEqual([]);
    }
  }

  get #socket(): WebSocketPeer {
    const socket = this.#current;
    if (socket === undefined) throw new Error('there is no connection yet');
    return socket;
  }

  /** Pings have no fixed place in the order: a ping may arrive earlier than the document shows it. */
  #next(text: string): Promise<string | Buffer> {
    return this.#socket.frames.next((frame) => (frame === '2') === (text === '2'), { what: text });
  }

  async #open(server: Running | undefined, path: string): Promise<void> {
    if (server === undefined) throw new Error('there is no second instance');
    this.#current = await rawWebSocket(server.url, { path, answerPings: this.#answerPings });
    this.#sockets.push(this.#current);
  }

  async #happen(text: string): Promise<void> {
    const [, second, path] =
      /^a WebSocket to (the second instance: )?(\S+)\?EIO=4&transport=websocket$/.exec(text) ?? [];
    const [, place] = /^over the (first|second) WebSocket$/.exec(text) ?? [];
    const [, code] = /^the server closes the connection: (\d+)$/.exec(text) ?? [];
    if (path !== undefined) await this.#open(second === undefined ? this.#server : this.#second, path);
    else if (place !== undefined) this.#current = this.#sockets[place === 'first' ? 0 : 1];
    else if (code !== undefined) expect(codesOf(code)).toContain((await this.#socket.closed).code);
    else if (text === 'ids of their own') this.#names.forget();
    else if (text === 'the client closes the connection') this.#socket.close();
    else if (`— ${text}` === STOPS) this.#server.program.kill('SIGTERM');
    else if (text === 'the server is started again') {
      await this.#server.program.ended(10_000);
      this.#server = await this.#server.again();
    } else throw new Error(`unknown action: ${text}`);
  }
}

/** The servers of a scenario: shared ones, unless it stops one or needs two. */
async function serversOf(lines: readonly string[], options: string): Promise<readonly [Running, Running?]> {
  if (lines.some((line) => AT_THE_SECOND.test(line))) return startTwo(options);
  const shared = lines.includes(STOPS) ? undefined : running.get(options);
  return [shared ?? (await start(options))];
}

describe('against Roomgate’s server', () => {
  it.each(played)('$number: $title', async ({ number, options }) => {
    const lines = linesOf(number, scenarios);
    const player = new Player(await serversOf(lines, options), lines);
    for (const line of lines) await player.play(line);
    await player.end();
  });
});

describe('an unmodified Socket.IO client', () => {
  const CLOSED = 'disconnected: io server disconnect';
  const refusal = `banned: ${UNAUTHENTICATED_ERRORS.refused.text}`;
  const expiry = `expired: ${UNAUTHENTICATED_ERRORS.expired.text}`;
  it.each([
    [{}, ['authenticated as nobody']],
    [{ USER_NAME: 'ada' }, ['authenticated as ada', 'told: Hello']],
    [{ USER_NAME: 'ada', LIVES: '2000' }, ['authenticated as ada', 'told: Hello', expiry, CLOSED]],
    [{ REFUSED: 'banned' }, [refusal, CLOSED]],
  ])('with %j prints the documented lines', async (env, lines) => {
    const client = await project.start('plain-client.ts', { env: { SERVER: running.get('{}')?.url ?? '', ...env } });
    for (const line of lines) expect(await client.messages.next(undefined, SLOW)).toBe(line);
  });
});

describe('Roomgate’s client against another server', () => {
  it.each(scenarios.filter(({ number }) => number.startsWith('S')))('$number: $title', async ({ number }) => {
    const server = new OtherServer(new Names());
    await server.start(async (host) => {
      process.env.SERVER = host;
      // Each time with another name, because a module runs only once.
      const program = pathToFileURL(join(project.folder, 'out/another-servers-client.js'));
      const { client } = (await import(`${program}?${number}`)) as { client: SocketIOClientHelper };
      return client;
    });
    for (const line of linesOf(number, scenarios)) await server.play(line);
    server.end();
  });
});
