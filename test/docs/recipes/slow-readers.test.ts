// npm test: node
import { beforeAll, describe, expect, it } from 'vitest';
import { SocketIOClientHelper } from '../../../src/client/client-helper.js';
import { track } from '../../support/cleanup.js';
import { type PastedProject, pasteProject } from '../../support/document.js';
import { eventually, unusedPort } from '../../support/facts.js';
import type { Program } from '../../support/process.js';

const SLOW = { timeout: 20_000 };
/** Of 50 kB each: more than two kernels buffer, plus the limit of the queue. */
const BOOKS = 300;

let project: PastedProject;

beforeAll(async () => {
  project = await pasteProject('docs/recipes/slow-readers.md');
});

async function start(replace: Readonly<Record<string, string>> = {}): Promise<{ server: Program; url: string }> {
  const port = await unusedPort();
  const server = await project.start('server.ts', { env: { PORT: `${port}` }, replace });
  await server.messages.next((line) => line === `listening on ${port}`, SLOW);
  return { server, url: `http://127.0.0.1:${port}` };
}

/** Counts the books that a reading client receives. */
async function watch(host: string): Promise<() => number> {
  let books = 0;
  const client = new SocketIOClientHelper({
    identifier: 'other',
    host,
    options: { path: '/io', transports: ['websocket'] },
    credentials: () => ({ token: 'let me in' }),
    logger: false,
  });
  track({ stop: () => client.shutdown() });
  client.subscribe({
    event: 'book',
    handler: () => {
      books += 1;
    },
  });
  await client.waitFor('authenticated', SLOW);
  await client.joinRooms({ rooms: ['market'] });
  return () => books;
}

/** The recipe's client reads, sleeps while the feed continues, and reads again. */
async function sleepAndWake(url: string): Promise<Program> {
  const heard = await watch(url);
  const client = await project.start('client.ts', { env: { SERVER: url } });
  await client.messages.next((line) => /^trades: 100, missed: 0, books: \d+, newest: [\d,]+$/.test(String(line)), SLOW);
  client.kill('SIGSTOP');
  const before = heard();
  await eventually(() => heard() > before + BOOKS, { timeout: 30_000, what: 'the feed goes on' });
  client.kill('SIGCONT');
  return client;
}

function counts(line: unknown): { trades: number; missed: number; books: number } {
  const [trades = 0, missed = 0, books = 0] = [...String(line).matchAll(/\d+/g)].map(Number);
  return { trades, missed, books };
}

const isCount = (line: unknown): boolean => String(line).startsWith('trades: ');

describe('docs/recipes/slow-readers.md', () => {
  it('a sleeping client stays connected, misses no trade, and receives no outdated book', async () => {
    const { server, url } = await start();
    const client = await sleepAndWake(url);
    await client.messages.next((line) => isCount(line) && counts(line).trades >= 100 + BOOKS, SLOW);
    const last = counts(client.messages.all.filter(isCount).at(-1));
    expect(last.missed).toBe(0);
    expect(last.books).toBeLessThan(last.trades);
    expect(client.messages.all.filter((line) => !isCount(line))).toEqual([
      'connected',
      'authenticating',
      'authenticated',
    ]);
    server.kill('SIGTERM');
    expect(await server.ended(10_000)).toEqual({ code: 0, signal: null });
    expect(server.stderr).toBe('');
  });

  it('without the option, it is disconnected, reconnects, and has missed messages', async () => {
    const { server, url } = await start({ 'replaceable: { book: ({ symbol }) => symbol },': '' });
    const client = await sleepAndWake(url);
    await client.messages.next((line) => line === 'waiting', SLOW);
    await client.messages.next((line) => isCount(line) && counts(line).missed > 0, SLOW);
    await eventually(() =>
      expect(server.stderr).toMatch(
        /^\[roomgate\] market: closed client \S+: it reads too slowly, \d+ bytes were queued; it may reconnect\n$/,
      ),
    );
  });
});
