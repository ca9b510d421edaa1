// npm test: node
import fastify, { type FastifyPluginAsync } from 'fastify';
import { beforeAll, describe, expect, it } from 'vitest';
import { SocketIOComponent } from '../../src/index.js';
import { type PastedProject, pasteProject } from '../support/document.js';
import { eventually, nextEvent, unusedPort } from '../support/facts.js';
import type { Program } from '../support/process.js';
import { connectAuthenticated } from '../support/server.js';

const SLOW = { timeout: 20_000 };
/** Reasons after which Socket.IO's clients reconnect automatically. */
const COMES_BACK = /^transport (close|error)$/;

const RECIPES = [
  { name: 'express', program: 'server.ts', runtime: 'node' },
  { name: 'fastify', program: 'server.ts', runtime: 'node' },
  { name: 'hono', program: 'server.ts', runtime: 'node' },
  { name: 'hono', program: 'bun.ts', runtime: 'bun' },
  { name: 'bun', program: 'server.ts', runtime: 'bun' },
  { name: 'nestjs', program: 'main.ts', runtime: 'node' },
] as const;

interface Running {
  readonly url: string;
  readonly server: Program;
}

describe.each(RECIPES)('the recipe for $name on $runtime', ({ name, program, runtime }) => {
  let project: PastedProject;
  /** One server for the tests that don't change it; the last of them stops it. */
  let shared: Running;

  beforeAll(async () => {
    project = await pasteProject(`docs/recipes/${name}.md`);
    expect(project.compiled).toBe('');
    shared = await start();
  });

  async function start(): Promise<Running> {
    const port = await unusedPort();
    const server = await project.start(program, { runtime, env: { PORT: `${port}` } });
    expect(await server.messages.next(undefined, SLOW)).toBe('listening');
    return { url: `http://localhost:${port}`, server };
  }

  const announce = (url: string, body: unknown) =>
    fetch(`${url}/announce`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });

  it('delivers a route’s message to the members of the room', async () => {
    const { url, server } = shared;
    const client = await project.start('client.ts', { runtime, env: { SERVER: url } });
    expect(await client.messages.next(undefined, SLOW)).toBe('joined: public/news refused: secret');
    expect((await announce(url, { text: 5 })).status).toBe(name === 'fastify' ? 202 : 400);
    expect((await announce(url, {})).status).toBe(400);
    expect((await announce(url, { text: 'Hello' })).status).toBe(202);
    await client.messages.next((line) => line === 'announced: Hello');
    expect(await (await fetch(`${url}/healthz`)).text()).toBe('ok');
    expect(server.stderr).toBe('');
  });

  it('accepts pages of other origins only if they are listed', async () => {
    const { url, server } = shared;
    const status = async (origin: string) =>
      (await fetch(`${url}/io/?EIO=4&transport=polling`, { headers: { origin } })).status;
    expect([await status('http://localhost:5173'), await status(url)]).toEqual([403, 200]);
    await eventually(() => expect(server.stderr).toMatch(/^\[roomgate\] [^\n]*"http:\/\/localhost:5173"[^\n]*\n$/));
  });

  it.each(['SIGTERM', 'SIGINT'] as const)('ends on %s, and its clients reconnect automatically', async (signal) => {
    const { url, server } = signal === 'SIGTERM' ? shared : await start();
    const told = server.stderr;
    const auth = { token: name === 'nestjs' ? 'token of ada' : 'let me in' };
    const clients = ['websocket', 'polling'].map((transport) =>
      connectAuthenticated(url, { path: '/io', auth, transports: [transport] }),
    );
    for (const client of await Promise.all(clients)) expect(client.socket.connected).toBe(true);
    server.kill(signal);
    for (const client of clients) expect(await (await client).heardOf('disconnect')).toMatch(COMES_BACK);
    // After its hooks, Nest sends the signal to itself again.
    const ending = name === 'nestjs' ? { code: null, signal } : { code: 0, signal: null };
    expect(await server.ended(10_000)).toEqual(ending);
    expect(server.stderr).toBe(told);
  });

  if (name === 'nestjs') {
    it('asks one service for clients and for requests to a guarded route', async () => {
      const { url } = await start();
      const clients = async (authorization: string) => fetch(`${url}/clients`, { headers: { authorization } });
      const told = await connectAuthenticated(url, { path: '/io', auth: { token: 'token of bob' } });
      const answer = nextEvent(told.socket, 'you-are');
      told.socket.emit('whoami');
      expect(await answer).toEqual(['bob']);
      expect((await clients('')).status).toBe(403);
      expect(await (await clients('Bearer token of ada')).json()).toEqual({ clients: 1 });
      const stranger = await project.start('client.ts', { env: { SERVER: url, TOKEN: 'other' } });
      expect(await stranger.messages.next(undefined, SLOW)).toMatch(/^refused: /);
    });
  }

  if (name === 'fastify') {
    it('also starts as a plugin', async () => {
      const { realtime } = (await import(`${project.folder}/out/realtime.js`)) as {
        realtime: FastifyPluginAsync<{ component: SocketIOComponent }>;
      };
      const component = new SocketIOComponent({ authenticateFn: () => true });
      const app = fastify();
      app.register(realtime, { component });
      const url = await app.listen({ port: 0, host: '127.0.0.1' });
      const client = await connectAuthenticated(url, { path: '/io' });
      await app.close();
      await eventually(() => !client.socket.connected);
      expect(await client.heardOf('disconnect')).toBe('transport close');
    });
  }
});
