// npm test: node
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { SocketIOClientHelper } from '../../../src/client/client-helper.js';
import { bundleForBrowser, servePage, startBrowser } from '../../support/browser.js';
import { track } from '../../support/cleanup.js';
import { startWordsServer } from '../../support/client.js';
import { type PastedProject, pasteProject } from '../../support/document.js';
import { EventLog, eventually, unusedPort } from '../../support/facts.js';
import type { Program } from '../../support/process.js';
import { type RunningProxy, startProxy } from '../../support/tcp-proxy.js';

const SLOW = { timeout: 20_000 };
const ROOM = 'public/news';

interface Bench {
  readonly server: Program;
  readonly port: number;
  readonly proxy: RunningProxy;
}

let project: PastedProject;
/** For the first test, which counts messages from the start, and for tests that don't count. */
let shared: Bench;

beforeAll(async () => {
  project = await pasteProject('docs/recipes/surviving-reconnects.md');
  shared = await startServer();
});

async function startServer(env: Readonly<Record<string, string>> = {}): Promise<Bench> {
  const port = await unusedPort();
  const server = await project.start('server.ts', { env: { PORT: `${port}`, ...env } });
  await server.messages.next((line) => line === `listening on ${port}`, SLOW);
  return { server, port, proxy: await startProxy({ target: port }) };
}

/** The recipe's client, behind the proxy. The test sends JSON, so the text has quotes. */
async function startClient({ proxy }: Bench, env: Readonly<Record<string, string>> = {}): Promise<Program> {
  return project.start('client.ts', { env: { SERVER: `http://127.0.0.1:${proxy.port}`, ...env } });
}

const until = (program: Program, wanted: string): Promise<unknown> =>
  program.messages.next((line) => line === wanted, { what: wanted, ...SLOW });

const said = (program: Program): string[] => program.messages.all.map(String).filter((line) => /^\d+: /.test(line));

/** A client whose connection never breaks. */
async function connectDirectly(port: number) {
  const client = new SocketIOClientHelper({
    identifier: 'other',
    host: `http://127.0.0.1:${port}`,
    options: { path: '/io' },
    credentials: () => ({ token: 'let me in' }),
    logger: false,
  });
  track({ stop: () => client.shutdown() });
  const heard = new EventLog<{ seq: number; id: string; text: string }>();
  client.subscribe<{ seq: number; id: string; text: string }>({ event: 'said', handler: (one) => heard.push(one) });
  await client.waitFor('authenticated', SLOW);
  await client.joinRooms({ rooms: [ROOM] });
  const say = (id: string, text: string): void => client.emit({ topic: 'say', data: { id, text } });
  return { client, heard, say };
}

describe('docs/recipes/surviving-reconnects.md', () => {
  it('shows each message once and misses none, however the connection breaks', async () => {
    const bench = shared;
    const { proxy, port } = bench;
    const other = await connectDirectly(port);
    const client = await startClient(bench);
    client.send('before');
    await until(client, '1: "before"');
    expect(client.messages.all.slice(0, 3)).toEqual(['connected', 'authenticating', 'authenticated']);

    await proxy.refuse();
    proxy.cut();
    await until(client, 'waiting');
    client.send('while away');
    other.say('x', 'by another');
    await other.heard.next(({ id }) => id === 'x');
    await proxy.accept();
    await until(client, '2: by another');
    await until(client, '3: "while away"');

    // Written to a dead connection, and so lost.
    proxy.blackhole();
    client.send('into the void');
    client.send(1);
    await until(client, 'handed over');
    // This also cuts connections that the proxy has not accepted yet.
    await proxy.refuse();
    proxy.cut();
    proxy.heal();
    await proxy.accept();
    await until(client, '4: "into the void"');

    client.send('after');
    await until(client, '5: "after"');
    expect(said(client).length).toBe(5);
    await eventually(() => other.heard.all.length === 5);
    client.endInput();
    expect(await client.ended(10_000)).toEqual({ code: 0, signal: null });
    // An attempt may have failed while the proxy refused connections.
    expect(client.stderr.replaceAll(/^.*connecting failed: .*\n/gm, '')).toBe('');
    // Messages with at-most-once delivery may be lost.
    expect(bench.server.messages.all.filter((line) => line === 'rated: 1').length).toBe(0);
  });

  it('accepts an id once, and detects a gap', async () => {
    const bench = await startServer();
    const { client, say, heard } = await connectDirectly(bench.port);
    for (const text of ['first', 'again']) say('same', text);
    for (const message of [undefined, null, { id: 1, text: 'x' }, { id: 'y' }]) {
      client.emit({ topic: 'say', data: message });
    }
    say('last', 'last');
    await heard.next(({ id }) => id === 'last');
    expect(heard.all.map(({ seq, text }) => `${seq}: ${text}`)).toEqual(['1: first', '2: last']);
    const late = await startClient(bench);
    await until(late, '2: last');
    expect(said(late)).toEqual(['1: first', '2: last']);
  });

  it('requests the messages missing between two numbers', async () => {
    const { port, sockets } = await startWordsServer();
    const client = await project.start('client.ts', { env: { SERVER: `http://127.0.0.1:${port}` } });
    const socket = await sockets.next(undefined, SLOW);
    const history = [1, 2, 3].map((seq) => ({ seq, id: `${seq}`, text: 'news' }));
    const asked = new EventLog<number>();
    socket.on('since', (last: number, answer: (said: unknown) => void) => {
      asked.push(last);
      // The first answer has only one message.
      answer(last === 0 ? history.slice(0, 1) : history.slice(last));
    });
    await until(client, '1: news');
    socket.emit('said', history[2]);
    await until(client, '3: news');
    expect(said(client)).toEqual(['1: news', '2: news', '3: news']);
    expect(asked.all).toEqual([0, 1]);
  });

  it('queues a rating for a while, and reports it when that time is over', async () => {
    const bench = shared;
    const impatient = await startClient(bench, { TTL: '500' });
    const patient = await startClient(bench);
    for (const client of [impatient, patient]) await until(client, 'authenticated');
    await bench.proxy.refuse();
    bench.proxy.cut();
    for (const client of [impatient, patient]) await until(client, 'waiting');
    impatient.send(1);
    patient.send(2);
    await impatient.messages.next((line) => String(line).startsWith('not sent: '), SLOW);
    await bench.proxy.accept();
    await until(patient, 'handed over');
    await until(bench.server, 'rated: 2');
    await until(impatient, 'authenticated');
    impatient.send(3);
    await until(bench.server, 'rated: 3');
    expect(bench.server.messages.all).not.toContain('rated: 1');
  });

  it('stays disconnected after a refusal', async () => {
    const bench = shared;
    const before = bench.proxy.accepted;
    const client = await startClient(bench, { TOKEN: 'wrong' });
    await until(client, 'refused');
    client.send(4);
    await client.messages.next(
      (line) => String(line).includes('not_connected') || /not connected/.test(`${line}`),
      SLOW,
    );
    expect(bench.proxy.accepted).toBeGreaterThan(before);
    expect(client.messages.all).not.toContain('waiting');
  });

  it('shows the status in a page, with and without a framework', async () => {
    const port = await unusedPort();
    const proxy = await startProxy({ target: port });
    const source = await readFile(join(project.folder, 'page.ts'), 'utf8');
    const entry = join(project.folder, 'page-under-test.ts');
    await writeFile(entry, source.replace('http://localhost:3000', `http://127.0.0.1:${proxy.port}`));
    const address = await servePage(await bundleForBrowser(entry));
    const server = await project.start('server.ts', { env: { PORT: `${port}`, APP_ORIGIN: new URL(address).origin } });
    await until(server, `listening on ${port}`);
    const page = await (await startBrowser()).newPage();
    await page.goto(address);
    const shows = (words: string): Promise<unknown> =>
      eventually(
        async () =>
          (await page.locator('#plain').textContent()) === words &&
          (await page.locator('#component [role=status]').textContent()) === words,
        { what: words, ...SLOW },
      );
    await shows('Connected');
    await proxy.refuse();
    proxy.cut();
    await shows('Connection lost. Trying again …');
    await proxy.accept();
    await shows('Connected');
  });
});
