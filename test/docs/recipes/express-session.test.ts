// npm test: node
import { createServer } from 'node:http';
import express, { type Request, type RequestHandler } from 'express';
import session from 'express-session';
import { beforeAll, describe, expect, it } from 'vitest';
import { type IOServer, SocketIOComponent } from '../../../src/index.js';
import { UNAUTHENTICATED_ERRORS } from '../../../src/protocol/errors.js';
import { track } from '../../support/cleanup.js';
import { type PastedProject, pasteProject } from '../../support/document.js';
import { nextEvent, unusedPort } from '../../support/facts.js';
import type { Program } from '../../support/process.js';
import { connect, connectAuthenticated, listen, TRANSPORTS } from '../../support/server.js';

const SLOW = { timeout: 20_000 };
const ADA = { user: 'ada', password: 'difference engine' };

let project: PastedProject;
let running: { readonly url: string; readonly server: Program };

beforeAll(async () => {
  project = await pasteProject('docs/recipes/express-session.md');
  const port = await unusedPort();
  const server = await project.start('server.ts', { env: { PORT: `${port}` } });
  expect(await server.messages.next(undefined, SLOW)).toBe('listening');
  running = { url: `http://localhost:${port}`, server };
});

async function post(path: string, body: object, cookie = ''): Promise<Response> {
  const headers = { 'content-type': 'application/json', cookie };
  return fetch(running.url + path, { method: 'POST', headers, body: JSON.stringify(body) });
}

async function logIn(cookie?: string): Promise<string> {
  const answer = await post('/login', ADA, cookie);
  expect(answer.status).toBe(204);
  return answer.headers.get('set-cookie')?.split(';', 1)[0] ?? '';
}

describe('docs/recipes/express-session.md', () => {
  it('has programs that compile unchanged', () => {
    expect(project.compiled).toBe('');
  });

  it.each(TRANSPORTS)('accepts a client by its session, over %s', async (...transports) => {
    const cookie = await logIn();
    const client = await connectAuthenticated(running.url, { path: '/io', extraHeaders: { cookie }, transports });
    const { socket, heardOf } = client;
    const heard = nextEvent(socket, 'you-are');
    socket.emit('whoami');
    expect(await heard).toEqual(['ada']);
    const { user, session: told } = await heardOf<{ user: string; session: string }>('authenticated');
    expect(user).toBe('ada');
    // Of "s:<id>.<signature>"
    const id = decodeURIComponent(cookie)
      .replace(/^.*?=s:/, '')
      .replace(/\..*$/, '');
    expect([told.length, id.length, told.includes(id)]).toEqual([43, 32, false]);
  });

  it.each(TRANSPORTS)(
    'refuses a client without a session, and one with a made-up session, over %s',
    async (...transports) => {
      const guess = (await logIn()).replace(/=s%3A.{4}/, '=s%3Aabcd');
      for (const cookie of ['', guess]) {
        const { socket } = connect(running.url, { path: '/io', extraHeaders: { cookie }, transports });
        socket.once('connect', () => socket.emit('authenticate'));
        const [why] = await nextEvent<[{ code: string }]>(socket, 'unauthenticated');
        expect(why.code).toBe('refused');
      }
    },
  );

  it('disconnects the clients of a session that logs out, and no others', async () => {
    const [cookie, other] = [await logIn(), await logIn()];
    const client = await connectAuthenticated(running.url, { path: '/io', extraHeaders: { cookie } });
    const witness = await connectAuthenticated(running.url, { path: '/io', extraHeaders: { cookie: other } });
    expect((await post('/logout', {}, cookie)).status).toBe(204);
    await client.heardOf('disconnect');
    expect(witness.socket.connected).toBe(true);
    expect(await logIn(cookie)).not.toBe(cookie);
  });

  it('has a client for Node.js, whose output matches the recipe', async () => {
    const client = await project.start('client.ts', { env: { SERVER: running.url } });
    expect(await client.messages.next(undefined, SLOW)).toBe('I am ada');
    const wrong = await project.start('client.ts', { env: { SERVER: running.url, PASSWORD: 'wrong' } });
    expect(await wrong.messages.next(undefined, SLOW)).toBe(`refused: ${UNAUTHENTICATED_ERRORS.refused.text}`);
  });

  it("passes on Passport's user as well", async () => {
    const { requestOf, useSessions } = (await import(`${project.folder}/out/sessions.js`)) as Sessions;
    const { isLoggedIn, usePassport } = (await import(`${project.folder}/out/passport.js`)) as Passport;
    const store = new session.MemoryStore();
    const sessions = session({ secret: 'for trying only', resave: false, saveUninitialized: true, store });
    const seen: unknown[] = [];
    const component = new SocketIOComponent({
      authenticateFn: (handshake) => {
        const request = requestOf(handshake);
        seen.push(request && Reflect.get(request, 'user'));
        return isLoggedIn(request);
      },
    });
    const app = express().use(sessions, ({ session: own }, response) => {
      Object.assign(own, { passport: { user: 'ada' } });
      response.end();
    });
    const server = createServer(app);
    await component.start(server);
    track({ stop: () => component.stop() });
    useSessions(component.helper.getIOServer(), sessions);
    usePassport(component.helper.getIOServer());
    const { url } = await listen(server);
    const cookie = (await fetch(url)).headers.get('set-cookie')?.split(';', 1)[0] ?? '';
    await connectAuthenticated(url, { path: '/io', extraHeaders: { cookie } });
    const stranger = connect(url, { path: '/io' });
    stranger.socket.once('connect', () => stranger.socket.emit('authenticate'));
    await stranger.heardOf('unauthenticated');
    expect(seen).toEqual([{ name: 'ada' }, undefined]);
  });
});

interface Sessions {
  requestOf(handshake: object): Request | undefined;
  useSessions(io: IOServer, middleware: RequestHandler): void;
}

interface Passport {
  isLoggedIn(request: Request | undefined): boolean;
  usePassport(io: IOServer): void;
}
