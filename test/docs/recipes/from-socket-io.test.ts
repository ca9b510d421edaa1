// npm test: node
import { io } from 'socket.io-client';
import { beforeAll, describe, expect, it } from 'vitest';
import { SocketIOServerHelper } from '../../../src/index.js';
import { ROOM_ERRORS, UNAUTHENTICATED_ERRORS } from '../../../src/protocol/errors.js';
import { defer } from '../../support/cleanup.js';
import { type PastedProject, pasteProject } from '../../support/document.js';
import { nextEvent, unusedPort } from '../../support/facts.js';

const SLOW = { timeout: 15_000 };

let project: PastedProject;
/** The servers by program, for all tests. */
const urls = new Map<string, string>();

beforeAll(async () => {
  project = await pasteProject('docs/recipes/from-socket-io.md');
  await Promise.all(['before-server.ts', 'after-server.ts'].map(startServer));
});

async function startServer(name: string): Promise<void> {
  const port = await unusedPort();
  const server = await project.start(name, { env: { PORT: `${port}` } });
  await server.messages.next((line) => line === `listening on ${port}`, SLOW);
  urls.set(name, `http://127.0.0.1:${port}`);
}

function urlOf(name: string): string {
  return urls.get(name) ?? '';
}

async function printed(program: string, env: Readonly<Record<string, string>>, lines: number): Promise<unknown[]> {
  const client = await project.start(program, { env });
  for (let line = 0; line < lines; line += 1) await client.messages.next(undefined, SLOW);
  return [...client.messages.all];
}

function connect(url: string, options: object = {}) {
  const socket = io(url, { path: '/io', forceNew: true, reconnection: false, ...options });
  defer(() => socket.disconnect());
  return socket;
}

describe('docs/recipes/from-socket-io.md', () => {
  it.each(['before-server.ts', 'after-server.ts'])('%s accepts the plain client', async (name) => {
    const SERVER = urlOf(name);
    expect(await printed('plain-client.ts', { SERVER }, 3)).toEqual(['entered: true', 'entered: false', 'said: Hello']);
  });

  it.each([
    ['before-server.ts', 'not connected: unauthorized'],
    ['after-server.ts', `refused: ${UNAUTHENTICATED_ERRORS.refused.text}`],
  ])('%s refuses the plain client', async (name, line) => {
    const SERVER = urlOf(name);
    expect(await printed('plain-client.ts', { SERVER, TOKEN: 'wrong' }, 1)).toEqual([line]);
  });

  it('the migrated client is accepted with the right token, and refused otherwise', async () => {
    const SERVER = urlOf('after-server.ts');
    expect(await printed('after-client.ts', { SERVER }, 3)).toEqual([
      "joined: [ 'public/news' ]",
      `secret: ${ROOM_ERRORS.not_allowed.text}`,
      'said: Hello',
    ]);
    const [refused, thrown] = await printed('after-client.ts', { SERVER, TOKEN: 'wrong' }, 2);
    expect([refused, String(thrown)].sort()).toEqual([
      expect.stringContaining('RoomgateError: waitFor("authenticated"): this client was refused'),
      `refused: ${UNAUTHENTICATED_ERRORS.refused.text}`,
    ]);
  });

  it('middlewares and namespaces work as before', async () => {
    const url = urlOf('after-server.ts');
    const [error] = await nextEvent<[Error]>(connect(url, { query: { version: '0' } }), 'connect_error');
    expect(error.message).toBe('too old');
    // Without authentication: the gate guards the main namespace only.
    expect(await nextEvent(connect(`${url}/status`), 'status')).toEqual(['up']);
  });

  it('events before authentication are dropped', async () => {
    const url = urlOf('after-server.ts');
    const socket = connect(url, { auth: { token: 'let me in' } });
    await nextEvent(socket, 'connect');
    const early = socket.timeout(300).emitWithAck('enter', 'public/news');
    await expect(early).rejects.toThrow();
    socket.emit('authenticate');
    await nextEvent(socket, 'authenticated');
    expect(await socket.timeout(5_000).emitWithAck('enter', 'public/news')).toBe(true);
  });

  it('connectionStateRecovery is refused by name', () => {
    const server = { on() {}, listeners: () => [], removeAllListeners() {}, close() {} };
    const make = () =>
      new SocketIOServerHelper({
        runtime: 'node',
        server: server as never,
        identifier: 'x',
        serverOptions: { connectionStateRecovery: {} },
        authenticateFn: () => true,
      });
    expect(make).toThrow(/connectionStateRecovery/);
  });
});
