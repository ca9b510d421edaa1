// npm test: node
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { SocketIOClientHelper } from '../../../src/client/client-helper.js';
import { UNAUTHENTICATED_ERRORS } from '../../../src/protocol/errors.js';
import { bundleForBrowser, servePage, startBrowser } from '../../support/browser.js';
import { track } from '../../support/cleanup.js';
import { type PastedProject, pasteProject } from '../../support/document.js';
import { eventually, unusedPort } from '../../support/facts.js';
import type { Program } from '../../support/process.js';
import { connectAuthenticated } from '../../support/server.js';

const SLOW = { timeout: 15_000 };
const ADA = { authorization: `Basic ${btoa('ada:difference engine')}` };

let project: PastedProject;

beforeAll(async () => {
  project = await pasteProject('docs/recipes/cookies.md');
});

async function startServer(
  env: Readonly<Record<string, string>> = {},
  port?: number,
  replace: Readonly<Record<string, string>> = {},
): Promise<{ server: Program; url: string }> {
  const own = port ?? (await unusedPort());
  const server = await project.start('server.ts', { env: { PORT: `${own}`, ...env }, replace });
  await server.messages.next((line) => line === `listening on ${own}`, SLOW);
  return { server, url: `http://127.0.0.1:${own}` };
}

async function logIn(url: string): Promise<string> {
  const answer = await fetch(`${url}/login`, { method: 'POST', headers: ADA });
  return answer.headers.get('set-cookie') ?? '';
}

/** A client on Node.js with this cookie; resolves once it is authenticated or refused. */
async function connect(url: string, cookie: string, headers: object = {}): Promise<SocketIOClientHelper> {
  const client = new SocketIOClientHelper({
    identifier: 'stranger',
    host: url,
    options: { path: '/io', extraHeaders: { cookie, ...headers }, reconnection: false },
    autoAuthenticate: true,
    logger: false,
  });
  track({ stop: () => client.shutdown() });
  await eventually(() => ['authenticated', 'refused', 'disconnected'].includes(client.getStatus().status), SLOW);
  return client;
}

/** Serves the recipe's page from another origin. */
async function servedPage(url: string): Promise<string> {
  const source = await readFile(join(project.folder, 'browser.ts'), 'utf8');
  const entry = join(project.folder, `browser-${new URL(url).port}.ts`);
  await writeFile(entry, source.replace('http://localhost:3000', url));
  return servePage(await bundleForBrowser(entry));
}

const shown = (page: Page): Promise<string[]> => page.locator('p').allTextContents();

describe('docs/recipes/cookies.md', () => {
  it('sets a cookie that scripts and other sites cannot read', async () => {
    const { url } = await startServer();
    expect(await logIn(url)).toMatch(/^session=[\w-]{43}; Max-Age=28800; Path=\/; HttpOnly; SameSite=Lax$/);
    const safe = await startServer({ NODE_ENV: 'production' });
    expect(await logIn(safe.url)).toContain('; Secure');
  });

  it('accepts its client on Node.js, and refuses one with a wrong account', async () => {
    const { server, url } = await startServer();
    const client = await project.start('node-client.ts', { env: { SERVER: url } });
    expect(await client.messages.next(undefined, SLOW)).toBe('I am ada');
    const other = await project.start('node-client.ts', { env: { SERVER: url, ACCOUNT: 'ada:wrong' } });
    expect(await other.ended(15_000)).toEqual({ code: 0, signal: null });
    expect(other.messages.all).toEqual([
      `refused: ${UNAUTHENTICATED_ERRORS.refused.text}`,
      'disconnected: io server disconnect',
    ]);
    server.kill('SIGTERM');
    expect(await server.ended(10_000)).toEqual({ code: 0, signal: null });
    expect(server.stderr).toBe('');
  });

  it('tells a client a name of its session, and not the secret in the cookie', async () => {
    const { url } = await startServer();
    const cookie = await logIn(url);
    const client = await connectAuthenticated(url, { path: '/io', extraHeaders: { cookie } });
    const told = await client.heardOf<{ user: string; session: string }>('authenticated');
    expect(told).toMatchObject({ user: 'ada', session: expect.stringMatching(/^[\da-f-]{36}$/) });
    expect(JSON.stringify(told)).not.toContain(/^session=([^;]+)/.exec(cookie)?.[1]);
  });

  it('disconnects the clients of a session that logs out, and no others', async () => {
    const { url } = await startServer();
    const cookies = [await logIn(url), await logIn(url)] as const;
    const [first, second, third] = await Promise.all([
      connect(url, cookies[0]),
      connect(url, cookies[0]),
      connect(url, cookies[1]),
    ]);
    await fetch(`${url}/logout`, { method: 'POST', headers: { cookie: cookies[0] } });
    for (const client of [first, second]) {
      await client.waitFor('refused', SLOW);
      expect(client.getStatus()).toMatchObject({ code: 'revoked', message: 'You are logged out.' });
    }
    expect(third.getStatus().status).toBe('authenticated');
    expect((await connect(url, cookies[0])).getStatus()).toMatchObject({ status: 'refused', code: 'refused' });
  });

  it('reconnects a page at the end of its session with the cookie that it has by then', async () => {
    const port = await unusedPort();
    const trusted = await servedPage(`http://127.0.0.1:${port}`);
    const env = { APP_ORIGIN: new URL(trusted).origin };
    // The second session begins right after the first one. It has to be there when the page comes back, whenever that is.
    const { url } = await startServer(env, port, { 'maxAge * 1000': '(sessions.size === 0 ? 5_000 : 15_000)' });
    const page = await (await startBrowser()).newPage();
    await page.goto(trusted);
    await eventually(async () => (await shown(page)).at(-1) === 'I am ada', SLOW);
    const isDone = await page.evaluate(
      async ([to, authorization]) =>
        (await fetch(`${to}/login`, { method: 'POST', credentials: 'include', headers: { authorization } })).ok,
      [url, ADA.authorization] as const,
    );
    expect(isDone).toBe(true);
    const count = async (line: string) => (await shown(page)).filter((own) => own === line).length;
    await eventually(async () => (await count('I am ada')) === 2, SLOW);
    expect(await count(`waiting ${UNAUTHENTICATED_ERRORS.expired.text}`)).toBeGreaterThan(0);
    // The second session ends, and the page has no other cookie.
    await eventually(async () => /^refused /.test((await shown(page)).at(-1) ?? ''), SLOW);
  });

  it('accepts only its own sessions', async () => {
    const { url } = await startServer();
    for (const cookie of ['', 'session=', 'session=guess', 'other=1']) {
      expect([cookie, (await connect(url, cookie)).getStatus().status]).toEqual([cookie, 'refused']);
    }
  });

  it('refuses other origins on each of its routes', async () => {
    const { url } = await startServer();
    const cookie = await logIn(url);
    const origin = 'http://localhost:5174';
    for (const path of ['/login', '/logout']) {
      const answer = await fetch(`${url}${path}`, { method: 'POST', headers: { ...ADA, cookie, origin } });
      expect([path, answer.status, answer.headers.get('set-cookie')]).toEqual([path, 403, null]);
      expect(answer.headers.get('access-control-allow-origin')).toBe(null);
    }
    expect((await connect(url, cookie, { origin })).getStatus().status).toBe('disconnected');
    const own = await connect(url, cookie, { origin: 'http://localhost:5173' });
    expect(own.getStatus().status).toBe('authenticated');
  });

  it('works in a browser as described, and refuses the page of another origin', async () => {
    const port = await unusedPort();
    const [trusted, foreign] = [
      await servedPage(`http://127.0.0.1:${port}`),
      await servedPage(`http://127.0.0.1:${port}`),
    ];
    const { url } = await startServer({ APP_ORIGIN: new URL(trusted).origin }, port);
    const browser = await startBrowser();
    const page = await browser.newPage();
    await page.goto(trusted);
    await eventually(async () => (await shown(page)).at(-1) === 'I am ada', SLOW);
    expect(await shown(page)).toEqual(['login: done', 'connected', 'authenticating', 'authenticated', 'I am ada']);
    expect(await page.evaluate(() => document.cookie)).toBe('');

    const other = await browser.newPage();
    await other.goto(foreign);
    const address = `${url.replace('http', 'ws')}/io/?EIO=4&transport=websocket`;
    const opened = await other.evaluate(
      (to) =>
        new Promise((resolve) => {
          const socket = new WebSocket(to);
          socket.onmessage = () => resolve('opened');
          socket.onerror = () => resolve('kept out');
        }),
      address,
    );
    expect(opened).toBe('kept out');

    await page.getByRole('button', { name: 'Log out' }).click();
    await eventually(async () => (await shown(page)).at(-1) === 'refused You are logged out.', SLOW);
  });
});
