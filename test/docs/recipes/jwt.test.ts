// npm test: node
import { SignJWT, UnsecuredJWT } from 'jose';
import { beforeAll, describe, expect, it } from 'vitest';
import { SocketIOClientHelper } from '../../../src/client/client-helper.js';
import { track } from '../../support/cleanup.js';
import { type PastedProject, pasteProject } from '../../support/document.js';
import { eventually, unusedPort } from '../../support/facts.js';
import type { Program } from '../../support/process.js';
import { connectAuthenticated } from '../../support/server.js';

const SLOW = { timeout: 15_000 };
/** Long enough for each algorithm, so that none fails because of the key's length. */
const SECRET = 'the secret of this test'.repeat(3);
const KEY = new TextEncoder().encode(SECRET);

interface Running {
  readonly server: Program;
  readonly url: string;
}

let project: PastedProject;
/** One server for all tests; the last of them kills it. */
let shared: Running;

beforeAll(async () => {
  project = await pasteProject('docs/recipes/jwt.md');
  shared = await startServer();
});

async function startServer(env: Readonly<Record<string, string>> = {}, port?: number): Promise<Running> {
  const own = port ?? (await unusedPort());
  const server = await project.start('server.ts', { env: { PORT: `${own}`, JWT_SECRET: SECRET, ...env } });
  await server.messages.next((line) => line === `listening on ${own}`, SLOW);
  return { server, url: `http://127.0.0.1:${own}` };
}

/** Authenticates with a token; resolves to the final status. */
async function present(url: string, token: unknown): Promise<string> {
  const client = new SocketIOClientHelper({
    identifier: 'stranger',
    host: url,
    options: { path: '/io' },
    credentials: () => ({ token }),
    logger: false,
  });
  track({ stop: () => client.shutdown() });
  await eventually(() => ['authenticated', 'refused'].includes(client.getStatus().status), SLOW);
  return client.getStatus().status;
}

interface Token {
  readonly sub?: string;
  readonly iss?: string;
  readonly aud?: string;
  readonly alg?: string;
  readonly expiresIn?: number | undefined;
  readonly key?: Uint8Array;
}

function tokenOf(token: Token = {}): Promise<string> {
  const { sub = 'ada', iss = 'https://app.example', aud = 'https://app.example/io', alg = 'HS256', key = KEY } = token;
  const now = Math.floor(Date.now() / 1000);
  const expiresIn = 'expiresIn' in token ? token.expiresIn : 60;
  const exp = expiresIn === undefined ? {} : { exp: now + expiresIn };
  return new SignJWT({ sub, iss, aud, ...exp }).setProtectedHeader({ alg }).sign(key);
}

describe('docs/recipes/jwt.md', () => {
  it('accepts a client with a fetched token, and knows its user', async () => {
    const { server, url } = shared;
    const client = await project.start('client.ts', { env: { SERVER: url } });
    for (const line of ['new token to connect', 'I am ada']) {
      expect(await client.messages.next(undefined, SLOW)).toBe(line);
    }
    expect(server.stderr).toBe('');
  });

  it('issues no token to a wrong account, and its client signs out and exits', async () => {
    const { url } = shared;
    const client = await project.start('client.ts', { env: { SERVER: url, ACCOUNT: 'ada:wrong' } });
    expect(await client.ended(15_000)).toEqual({ code: 0, signal: null });
    expect(client.messages.all).toEqual(['disconnected: signed out']);
    for (const authorization of ['', 'Basic', `Basic ${btoa('nobody')}`, `Basic ${btoa('nobody:')}`]) {
      const answer = await fetch(`${url}/token`, { method: 'POST', headers: { authorization } });
      expect([authorization, answer.status]).toEqual([authorization, 401]);
    }
  });

  it('keeps a client connected that renews its tokens', async () => {
    const { url } = await startServer({ TOKEN_SECONDS: '5' });
    const client = await project.start('client.ts', { env: { SERVER: url } });
    const renewal = 'new token to renew';
    // After the third one, the first token has expired.
    for (const line of ['new token to connect', 'I am ada', renewal, renewal, renewal, renewal]) {
      expect(await client.messages.next(undefined, SLOW)).toBe(line);
    }
    expect(client.stderr).toBe('');
  }, 30_000);

  it('disconnects a client that does not renew its token', async () => {
    const { url } = await startServer({ TOKEN_SECONDS: '2' });
    const client = await connectAuthenticated(url, { path: '/io', auth: { token: await tokenOf({ expiresIn: 2 }) } });
    expect(await client.heardOf('unauthenticated')).toMatchObject({ code: 'expired' });
  });

  it('accepts the right token, and no other', async () => {
    const { server, url } = shared;
    expect(await present(url, await tokenOf())).toBe('authenticated');
    const unsigned = new UnsecuredJWT({ sub: 'ada', iss: 'https://app.example', aud: 'https://app.example/io' });
    const wrong: Readonly<Record<string, unknown>> = {
      none: undefined,
      'not a string': { length: 3 },
      'not a token': 'a.b.c',
      unsigned: unsigned.setExpirationTime('1h').encode(),
      'another algorithm': await tokenOf({ alg: 'HS512' }),
      'another key': await tokenOf({ key: new TextEncoder().encode('some other key, long enough as well') }),
      'another issuer': await tokenOf({ iss: 'https://evil.example' }),
      'another audience': await tokenOf({ aud: 'https://app.example/mail' }),
      'run out': await tokenOf({ expiresIn: -1 }),
      'without end': await tokenOf({ expiresIn: undefined }),
    };
    for (const [what, token] of Object.entries(wrong)) {
      expect([what, await present(url, token)]).toEqual([what, 'refused']);
    }
    expect(server.stderr).toBe('');
  });

  it('keeps trying while tokens are unavailable', async () => {
    const { server, url } = shared;
    const client = await project.start('client.ts', { env: { SERVER: url } });
    await client.messages.next((line) => line === 'I am ada', SLOW);
    server.kill();
    await client.messages.next((line) => String(line).startsWith('waiting: '), SLOW);
    const again = await startServer({}, Number(new URL(url).port));
    expect(await client.messages.next((line) => line === 'I am ada', SLOW)).toBe('I am ada');
    again.server.kill('SIGTERM');
    expect(await again.server.ended(10_000)).toEqual({ code: 0, signal: null });
    expect(again.server.stderr).toBe('');
  });
});
