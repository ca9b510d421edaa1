// npm test: node
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join } from 'node:path';
import type { DisconnectReason as TServerReason } from 'socket.io';
import type { Socket } from 'socket.io-client';
import { beforeAll, describe, expect, it } from 'vitest';
import { tablesOf, withTables } from '../../scripts/errors/tables.mjs';
import { ANSWERS, ROOMS, THROWN, UNAUTHENTICATED } from '../../scripts/errors/texts.mjs';
import { RedisHelper } from '../../src/backplane/redis/redis-helper.js';
import type { TCredentials } from '../../src/client/credentials.js';
import type { ILogger } from '../../src/common/types.js';
import { createLogReporter } from '../../src/observability/logger.js';
import * as errors from '../../src/protocol/errors.js';
import {
  ANSWER_ERRORS,
  ROOM_ERRORS,
  ROOMGATE_CODES,
  type TRoomgateErrorCode,
  UNAUTHENTICATED_ERRORS,
} from '../../src/protocol/errors.js';
import { LINES } from '../../src/server/reports.js';
import { SocketIOServerHelper } from '../../src/server/server-helper.js';
import { called, createAuthenticated, createHelper, startWordsServer } from '../support/client.js';
import { PROJECT } from '../support/document.js';
import { EventLog, eventually, unusedPort } from '../support/facts.js';
import { LogLines } from '../support/log-lines.js';
import { REPORTS } from '../support/reports.js';

const AWAY = { options: { autoConnect: false } };
const REFUSAL = ['unauthenticated', { message: 'No.', code: 'refused', time: 'now' }] as const;

let page = '';

beforeAll(async () => {
  page = await readFile(join(PROJECT, 'docs/errors.md'), 'utf8');
});

/** The text from a heading, or another line, to the next heading. */
function sectionOf(start: string): string {
  return page.split(`\n${start}`)[1]?.split('\n## ')[0] ?? '';
}

/** The first table of a section: the cells of its rows with a code in the first or second cell. */
function rowsOf(section: string): string[][] {
  const [table = ''] = /^\|.*(?:\n\|.*)*/m.exec(section) ?? [];
  const rows = table.split('\n').map((row) => row.slice(2, -2).split(' | '));
  return rows.filter((cells) => cells.slice(0, 2).some((cell) => cell.startsWith('`')));
}

const codesOf = (section: string): string[] => rowsOf(section).map(([first = '']) => first.replaceAll('`', ''));

/** The code that an act throws, rejects with, or passes to its callback. */
async function codeOf(act: () => unknown): Promise<unknown> {
  try {
    return await act();
  } catch (error) {
    return (error as { code?: unknown }).code;
  }
}

async function away(): Promise<string> {
  return `http://127.0.0.1:${await unusedPort()}`;
}

function serverHelper(more: object = {}): SocketIOServerHelper {
  return new SocketIOServerHelper({
    ...{ runtime: 'node', server: createServer(), identifier: 'test', serverOptions: {}, logger: false },
    authenticateFn: () => true,
    ...more,
  });
}

/** The code with which a queued message fails. */
async function returned(host: string, ttl: number, then: (opts: { shutdown(): void }) => void): Promise<unknown> {
  const { helper } = createHelper(host, { queue: { ttl }, autoAuthenticate: true });
  const codes = new EventLog<unknown>();
  helper.emit({ topic: 'say', cb: (error) => codes.push(error?.code) });
  then(helper);
  return codes.next();
}

/** Each code, with code that causes it. The compiler reports a missing one. */
const CAUSES: Readonly<Record<TRoomgateErrorCode, () => unknown>> = {
  invalid_option: () => serverHelper({ authenticateFn: 'yes' }),
  invalid_argument: async () => createHelper(await away(), AWAY).helper.waitFor('happy' as never),
  not_configured: () => serverHelper().getIOServer(),
  not_connected: async () => createHelper(await away(), AWAY).helper.emit({ topic: 'say' }),
  credentials_failed: async () => {
    const { url } = await startWordsServer();
    const client = createHelper(url, { credentials: () => Promise.reject(new Error('no token')) });
    return ((await called(client, 'onError'))[1] as { code?: unknown }).code;
  },
  queue_full: async () => {
    const { helper } = createHelper(await away(), { queue: { max: 1 } });
    for (const topic of ['one', 'two']) helper.emit({ topic, cb: () => {} });
  },
  expired: async () => returned(await away(), 10, () => {}),
  refused: async () => {
    const { url } = await startWordsServer({ verdict: REFUSAL });
    return createHelper(url, { autoAuthenticate: true }).helper.waitFor('authenticated');
  },
  user_changed: async () => {
    const { url, io } = await startWordsServer({ verdict: null });
    const users = ['ann', 'bob'];
    io.on('connection', (socket) => {
      socket.on('authenticate', () => socket.emit('authenticated', { id: 'x', time: 'now', user: users.shift() }));
    });
    const { helper } = createHelper(url, { queue: true, autoAuthenticate: true });
    await helper.waitFor('authenticated');
    io.disconnectSockets();
    await helper.waitFor('disconnected');
    helper.connect();
    return helper.request({ topic: 'say' });
  },
  disconnected: async () => createHelper(await away(), AWAY).helper.waitFor('connected'),
  timed_out: async () => createHelper(await away()).helper.waitFor('connected', { timeout: 10 }),
  shut_down: async () => returned(await away(), 10_000, (helper) => helper.shutdown()),
  unsupported: () => serverHelper().getEngine(),
  redis_unreachable: async () => {
    const port = await unusedPort();
    const redis = new RedisHelper({ name: 'nobody', host: '127.0.0.1', port, autoConnect: false });
    await serverHelper({ redisConnection: redis, redisTimeout: 50 }).configure();
  },
};

/** The warnings and errors, each as `level | text`, without the class name. */
function wordsOf(log: LogLines): string[] {
  return log.loud.map((line) => line.replace(/^(\w+): \[roomgate\] \w+: /, '$1 | '));
}

interface Pattern {
  readonly row: string;
  readonly fixed: number;
  matches(line: string): boolean;
}

/** The rows of a table of log lines. `…` matches any text. */
function patternsOf(section: string): Pattern[] {
  return rowsOf(section).map(([level = '', line = '']) => {
    const parts = line
      .slice(1, -1)
      .split('…')
      .map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
    const pattern = new RegExp(`^${level} \\| ${parts.join('[^]+')}$`);
    return { row: line, fixed: line.length, matches: (text) => pattern.test(text) };
  });
}

/** The row for each line: the most specific match. */
function rowsFor(lines: readonly string[], patterns: readonly Pattern[]): { told: string[]; untold: string[] } {
  const exact = [...patterns].sort((one, other) => other.fixed - one.fixed);
  const rows = lines.map((line) => ({ line, row: exact.find(({ matches }) => matches(line))?.row }));
  return {
    told: [...new Set(rows.flatMap(({ row }) => row ?? []))].sort(),
    untold: rows.filter(({ row }) => row === undefined).map(({ line }) => line),
  };
}

describe('the codes of docs/errors.md', () => {
  it.each(Object.entries(CAUSES))('%s happens as described', async (code, cause) => {
    expect(await codeOf(cause)).toBe(code);
    expect(codesOf(sectionOf('## Errors that are thrown'))).toContain(code);
  });

  it('are complete', () => {
    expect(codesOf(sectionOf('## Errors that are thrown')).sort()).toEqual(Object.keys(CAUSES).sort());
    expect(codesOf(sectionOf('## Answers to events'))).toEqual(Object.keys(ANSWER_ERRORS));
    expect(codesOf(sectionOf('## Why a client is not authenticated'))).toEqual(Object.keys(UNAUTHENTICATED_ERRORS));
  });

  it.each(Object.entries(tablesOf(errors)))('%s has the tables that `npm run errors` writes', async (path, tables) => {
    const text = await readFile(join(PROJECT, path), 'utf8');
    expect(withTables(text, tables)).toBe(text);
  });

  it('are described once, and no other code is', () => {
    const described = [THROWN, UNAUTHENTICATED, ROOMS, ANSWERS].map((texts) => Object.keys(texts).sort());
    const all = [UNAUTHENTICATED_ERRORS, ROOM_ERRORS, ANSWER_ERRORS].map((list) => Object.keys(list).sort());
    expect(described).toEqual([[...ROOMGATE_CODES].sort(), ...all]);
  });

  it('state for each room refusal whether a retry can help', () => {
    const rows = rowsOf(sectionOf('## Rooms that are refused')).map(([code, retryable]) => `${code} ${retryable}`);
    const all = Object.entries(ROOM_ERRORS).map(([code, { retryable }]) => `\`${code}\` ${retryable ? 'yes' : 'no'}`);
    expect(rows.sort()).toEqual(all.sort());
  });
});

/** Socket.IO's reasons. The compiler reports a missing one, and one that no longer exists. */
const CLIENT_REASONS: Readonly<Record<Socket.DisconnectReason, true>> = {
  'io server disconnect': true,
  'io client disconnect': true,
  'transport close': true,
  'transport error': true,
  'ping timeout': true,
  'parse error': true,
};
const SERVER_REASONS: Readonly<Record<TServerReason, true>> = {
  'client namespace disconnect': true,
  'server namespace disconnect': true,
  'server shutting down': true,
  'forced close': true,
  'forced server close': true,
  'transport close': true,
  'transport error': true,
  'ping timeout': true,
  'parse error': true,
};

describe('the reasons of docs/errors.md', () => {
  it('are complete', () => {
    expect(codesOf(sectionOf('Reasons that `onDisconnected` receives on the client:'))).toEqual(
      Object.keys(CLIENT_REASONS),
    );
    expect(codesOf(sectionOf('Reasons that a `disconnect` listener receives on the server:'))).toEqual(
      Object.keys(SERVER_REASONS),
    );
  });
});

describe('the log lines of docs/errors.md', () => {
  it('are all warnings and errors of a server', () => {
    const patterns = patternsOf(sectionOf('Lines of the server and of'));
    const log = new LogLines();
    const report = createLogReporter(LINES, 'test', log);
    for (const one of Object.values(REPORTS).flat()) report(one);
    const { told, untold } = rowsFor(wordsOf(log), patterns);
    expect(untold).toEqual([]);
    expect(told).toEqual(patterns.map(({ row }) => row).sort());
  });

  it('are all warnings and errors of a client', async () => {
    const patterns = patternsOf(sectionOf('Lines of the client.'));
    const log = new LogLines();
    await misuse(log);
    await loseRooms(log);
    await forgetToAuthenticate(log);
    await failToRenew(log);
    const { told, untold } = rowsFor(wordsOf(log), patterns);
    expect(untold).toEqual([]);
    expect(told).toEqual(patterns.map(({ row }) => row).sort());
  });
});

/** All mistakes that need no server. */
async function misuse(logger: ILogger): Promise<void> {
  const { helper } = createHelper(await away(), {
    ...{ logger, onError: undefined, queue: true },
    ...({ auth: 'misplaced' } as object),
  });
  helper.emit({ topic: 'say' });
  helper.authenticate();
  helper.subscribe({ event: '', handler: () => {} });
  helper.subscribe({ event: 'said', handler: 'shout' as never });
  helper.unsubscribe({ event: '' });
  for (const _ of ['first', 'second']) helper.subscribe({ event: 'twice', handler: () => {} });
  helper.subscribe('said' as never);
  helper.onStatus(() => {
    throw new Error('a listener of the test');
  });
  await eventually(() => helper.getStatus().status === 'waiting');
  helper.shutdown();
  helper.connect();
  helper.subscribe({ event: 'said', handler: () => {} });
}

/** After a reconnect, a room that was granted is refused. */
async function loseRooms(logger: LogLines): Promise<void> {
  let isOpen = true;
  const server = await startWordsServer({
    answer: (_, rooms) => (isOpen ? { joined: rooms, refused: [] } : { joined: [], refused: rooms.map(notAllowed) }),
  });
  const created = await createAuthenticated(server.url, { logger, autoAuthenticate: true });
  await created.helper.joinRooms({ rooms: ['public/news'] });
  isOpen = false;
  (await server.sockets.next()).conn.close();
  await eventually(() => logger.lines.some((line) => line.includes('rooms not rejoined')));
}

/** The server disconnects a client that never authenticates. */
async function forgetToAuthenticate(logger: LogLines): Promise<void> {
  const server = await startWordsServer();
  const created = createHelper(server.url, { logger });
  await called(created, 'onConnected');
  created.helper.emit({ topic: 'say' });
  (await server.sockets.next()).emit('unauthenticated', { code: 'timeout' });
  await called(created, 'onUnauthenticated');
}

/** The program can't get new credentials when the server asks for them. */
async function failToRenew(logger: LogLines): Promise<void> {
  const server = await startWordsServer({ verdict: ['authenticated', { id: 'x', time: 'now', expiresIn: 60_000 }] });
  const credentials: TCredentials = ({ reason }) => {
    if (reason === 'renew') throw new Error('no token');
    return {};
  };
  const { helper } = createHelper(server.url, { logger, credentials });
  await helper.waitFor('authenticated');
  (await server.sockets.next()).emit('roomgate:renew', { after: 1 });
  await eventually(() => logger.lines.some((line) => line.includes('renewing the credentials failed')));
}

function notAllowed(room: string): object {
  return { room, code: 'not_allowed', message: ROOM_ERRORS.not_allowed.text };
}
