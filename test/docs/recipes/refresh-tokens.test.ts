// npm test: node
import { beforeAll, describe, expect, it } from 'vitest';
import { SocketIOClientHelper } from '../../../src/client/client-helper.js';
import { track } from '../../support/cleanup.js';
import { type PastedProject, pasteProject } from '../../support/document.js';
import { eventually, unusedPort } from '../../support/facts.js';
import type { Program } from '../../support/process.js';

const SLOW = { timeout: 15_000 };

let project: PastedProject;
let server: Program;
let url: string;

beforeAll(async () => {
  project = await pasteProject('docs/recipes/refresh-tokens.md');
  const port = await unusedPort();
  url = `http://127.0.0.1:${port}`;
  server = await project.start('server.ts', { env: { PORT: `${port}`, ACCESS_SECONDS: '5' } });
  await server.messages.next((line) => line === `listening on ${port}`, SLOW);
});

const post = (path: string, authorization = ''): Promise<Response> =>
  fetch(url + path, { method: 'POST', headers: { authorization } });

async function logIn(): Promise<string> {
  return (await post('/login', `Basic ${btoa('ada:difference engine')}`)).text();
}

describe('docs/recipes/refresh-tokens.md', () => {
  it('compiles unchanged', () => {
    expect(project.compiled).toBe('');
  });

  it('renews the access on the live connection, and signs out on Ctrl+C', async () => {
    const client = await project.start('client.ts', { env: { SERVER: url } });
    const lines = ['new token to connect', 'connected', 'authenticating', 'authenticated ada'];
    const renewals = Array.from({ length: 4 }, () => 'new token to renew');
    for (const line of [...lines, ...renewals]) {
      expect(String(await client.messages.next(undefined, SLOW)).trim()).toBe(line);
    }
    client.kill('SIGINT');
    await client.messages.next((line) => line === 'disconnected signed out', SLOW);
    expect(await client.ended(10_000)).toEqual({ code: 0, signal: null });
    expect(client.stderr).toBe('');
  }, 30_000);

  it('signs a client out that has no login', async () => {
    const client = await project.start('client.ts', { env: { SERVER: url, ACCOUNT: 'ada:wrong' } });
    expect(await client.ended(15_000)).toEqual({ code: 0, signal: null });
    expect(client.messages.all).toEqual(['disconnected signed out']);
  });

  it('ends the connections of a login that logs out, and no others, and its tokens are of no use', async () => {
    const logins = await Promise.all([logIn(), logIn()]);
    const tokens = await Promise.all(logins.map(async (refresh) => (await post('/token', `Bearer ${refresh}`)).text()));
    const clients = tokens.map((token) => {
      const options = { path: '/io', auth: { token } };
      const client = new SocketIOClientHelper({
        ...{ identifier: 'device', host: url, options, autoAuthenticate: true, logger: false },
      });
      track({ stop: () => client.shutdown() });
      return client;
    });
    await Promise.all(clients.map((client) => client.waitFor('authenticated')));
    const [out, stays] = clients;
    expect((await post('/logout', `Bearer ${logins[0]}`)).status).toBe(200);
    await eventually(() => out?.getStatus().code === 'revoked', SLOW);
    expect(out?.getStatus().message).toBe('You are logged out.');
    expect(stays?.getStatus()).toMatchObject({ status: 'authenticated', user: 'ada' });
    out?.connect();
    await out?.waitFor('connected');
    await eventually(() => out?.getStatus().code === 'revoked', SLOW);
    for (const path of ['/token', '/logout']) expect((await post(path, `Bearer ${logins[0]}`)).status).toBe(401);
  });

  it('refuses unknown accounts and refresh tokens, and exits on SIGTERM without an error', async () => {
    for (const authorization of ['', 'Basic', `Basic ${btoa('ada')}`, `Basic ${btoa('eve:x')}`, 'Bearer guess']) {
      for (const path of ['/login', '/token', '/logout']) {
        expect([path, (await post(path, authorization)).status]).toEqual([path, 401]);
      }
    }
    expect((await post('/other')).status).toBe(404);
    server.kill('SIGTERM');
    expect(await server.ended(10_000)).toEqual({ code: 0, signal: null });
    expect(server.stderr).toBe('');
  });
});
