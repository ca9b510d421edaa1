// npm test: bun
// npm run test:matrix: oldest-bun
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it } from 'vitest';
import WebSocket from 'ws';
import { defer } from '../../support/cleanup.js';
import { type PastedProject, pasteProject } from '../../support/document.js';
import { EventLog, unusedPort } from '../../support/facts.js';
import { temporaryFolder } from '../../support/folder.js';
import type { Program } from '../../support/process.js';
import { startRedis } from '../../support/redis.js';
import { connectAuthenticated, TRANSPORTS } from '../../support/server.js';

const run = promisify(execFile);
const SLOW = { timeout: 20_000 };
const CLIENT = { path: '/io', auth: { token: 'let me in' } };

let project: PastedProject;

beforeAll(async () => {
  project = await pasteProject('docs/recipes/bun.md');
});

interface Started {
  readonly port: number;
  readonly url: string;
  readonly server: Program;
}

async function start(name: string, env: Readonly<Record<string, string>> = {}): Promise<Started> {
  const port = await unusedPort();
  const server = await project.start(name, { runtime: 'bun', env: { PORT: `${port}`, ...env } });
  expect(await server.messages.next(undefined, SLOW)).toMatch(/^listening/);
  return { port, url: `http://localhost:${port}`, server };
}

async function endsWell({ server }: Started, stderr: unknown = ''): Promise<void> {
  server.kill('SIGTERM');
  expect(await server.ended(10_000)).toEqual({ code: 0, signal: null });
  expect(server.stderr).toEqual(stderr);
}

// frameworks.test.ts tests the recipe's server, with those of the frameworks.
describe('docs/recipes/bun.md', () => {
  it('has programs that compile unchanged', () => {
    expect(project.compiled).toBe('');
  });

  it("serves the program's WebSockets next to Socket.IO's", async () => {
    const started = await start('sockets.ts');
    const client = await connectAuthenticated(started.url, { ...CLIENT, transports: ['websocket'] });
    const own = new WebSocket(`ws://localhost:${started.port}/echo?name=Ada`);
    const said = new EventLog<string>();
    own.on('message', (data) => said.push(String(data)));
    await once(own, 'open');
    expect(await started.server.messages.next()).toBe('Ada came');
    own.send('Hello');
    expect(await said.next()).toBe('Ada: Hello');
    own.close();
    expect(await started.server.messages.next()).toBe('Ada left');
    expect(client.socket.connected).toBe(true);
    expect((await fetch(started.url)).status).toBe(404);
    await endsWell(started);
  });

  it('adds Socket.IO to a running server, and stops it even if no client connected', async () => {
    await endsWell(await start('running.ts'));
    const other = await start('running.ts');
    expect(await (await fetch(other.url)).text()).toBe('ready');
    for (const transports of TRANSPORTS) {
      const { socket } = await connectAuthenticated(other.url, { ...CLIENT, transports: [...transports] });
      expect(socket.connected).toBe(true);
    }
    await endsWell(other);
  });

  it('serves over TLS, and the handshake is secure', async () => {
    const folder = await temporaryFolder('tls');
    defer(() => rm(folder, { recursive: true, force: true }));
    const [KEY, CERT] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
    const what = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '1', '-subj', '/CN=localhost'];
    await run('openssl', [...what, '-keyout', KEY, '-out', CERT]);
    const started = await start('https.ts', { CERT, KEY });
    const url = started.url.replace('http:', 'https:');
    const ca = await readFile(CERT, 'utf8');
    for (const transports of TRANSPORTS) {
      const { socket } = await connectAuthenticated(url, { ...CLIENT, ca, transports: [...transports] });
      expect(socket.connected).toBe(true);
    }
    // On Node.js, because the oldest Bun ignores the variable. No room is granted: the server has no guard.
    const client = await project.start('client.ts', { env: { SERVER: url, NODE_EXTRA_CA_CERTS: CERT } });
    expect(await client.messages.next(undefined, SLOW)).toBe('joined:  refused: public/news,secret');
    await endsWell(started, expect.stringMatching(/^\[roomgate\] .* there is no option "validateRoomFn"\n$/));
  });

  it('connects instances through Redis', async () => {
    const redis = await startRedis();
    const env = { REDIS_PORT: `${redis.port}` };
    const instances = [await start('instance.ts', env), await start('instance.ts', env)];
    const clients: Program[] = [];
    for (const { url } of instances) {
      const client = await project.start('client.ts', { runtime: 'bun', env: { SERVER: url } });
      expect(await client.messages.next(undefined, SLOW)).toBe('joined: public/news refused: secret');
      clients.push(client);
    }
    const speaker = await connectAuthenticated(instances[0]?.url ?? '', CLIENT);
    await speaker.socket.timeout(10_000).emitWithAck('join', { rooms: ['public/news'] });
    speaker.socket.emit('say', 'Hello');
    for (const client of clients) expect(await client.messages.next()).toBe('announced: Hello');
    for (const instance of instances) await endsWell(instance);
  });
});
