import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { type Context, Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { HTTPException } from 'hono/http-exception';
import { secureHeaders } from 'hono/secure-headers';
import { serveStatic } from 'hono/serve-static';
import { z } from 'zod';
import { nameSchema } from '../contract.js';
import { operatorApi } from './operator.js';
import { bodyOf } from './request-body.js';
import { ROOMS } from './rooms.js';
import { banOf } from './rulings.js';
import { LOGIN_SECONDS } from './tokens.js';
import type { Parts } from './types.js';

/** The folder of the built page, relative to the compiled form of this file. */
const PAGE = fileURLToPath(new URL('../page', import.meta.url));
const FOREVER = 'public, max-age=31536000, immutable';
const MAX_BODY = 10_000;
const SIGN_IN = z.object({ name: nameSchema });
const LOGIN = z.object({ login: z.unknown().optional() });

/** The page loads nothing from other hosts. The proxy in front knows whether there is TLS. */
const HEADERS = {
  contentSecurityPolicy: { defaultSrc: ["'self'"], baseUri: ["'none'"], frameAncestors: ["'none'"] },
  strictTransportSecurity: false,
};

/** Answers plain HTTP requests. Those below Socket.IO's path do not come here. */
export function httpApp(parts: Parts, operatorToken: string): Hono {
  const app = new Hono();
  app.use(secureHeaders(HEADERS));
  app.use(bodyLimit({ maxSize: MAX_BODY, onError: (c) => c.json({ error: `At most ${MAX_BODY} bytes.` }, 413) }));
  app.get('/healthz', (c) => c.text('ok'));
  app.route('/api', logins(parts));
  app.get('/api/rooms', (c) => c.json({ rooms: ROOMS }));
  app.route('/operator', operatorApi(parts, operatorToken));
  app.use(page);
  app.notFound((c) => c.json({ error: 'Not found.' }, 404));
  app.onError((error, c) => {
    if (error instanceof HTTPException) return c.json({ error: error.message }, error.status);
    console.error('A request failed:', error);
    return c.json({ error: 'Something went wrong.' }, 500);
  });
  return app;
}

/** Signing in and out, and the tokens in between. */
function logins({ component, tokens, people, rulings }: Parts): Hono {
  const api = new Hono();
  const needFree = (name: string): void => {
    if (!people.isTaken(name)) return;
    const message = 'Somebody with a name that looks like this one is online. Enter another name.';
    throw new HTTPException(409, { message });
  };
  const loginOf = async (c: Context) => {
    const { login: token } = await bodyOf(c, LOGIN);
    const login = await tokens.verify('login', token).catch(() => undefined);
    if (login === undefined) throw new HTTPException(401, { message: 'This login has ended. Sign in again.' });
    return login;
  };
  api.post('/sign-in', async (c) => {
    const { name } = await bodyOf(c, SIGN_IN);
    const ban = await rulings.find(banOf(name));
    if (ban !== undefined) throw new HTTPException(403, { message: ban });
    needFree(name);
    const login = { user: name, session: randomUUID() };
    return c.json({ name, login: await tokens.sign('login', login), token: await tokens.sign('connection', login) });
  });
  api.post('/token', async (c) => {
    const login = await loginOf(c);
    needFree(login.user);
    return c.json({ token: await tokens.sign('connection', login) });
  });
  api.post('/sign-out', async (c) => {
    const { session } = await loginOf(c);
    // Ends all connections of this login, and refuses the tokens that exist or that somebody fetches with it later.
    const message = 'You signed out in another window.';
    await component.helper.revoke({ session, barFor: LOGIN_SECONDS * 1_000, message });
    return c.json({});
  });
  return api;
}

/** Serves the files of the page, on Node.js and on Bun. */
const page = serveStatic({
  root: PAGE,
  rewriteRequestPath: (path) => (path === '/' ? '/index.html' : path),
  getContent: async (path, c) => {
    const content = await readFile(path).catch(() => null);
    // Also for HEAD, whose answer has no body.
    if (content !== null) c.header('Content-Length', `${content.length}`);
    return content;
  },
  // Names of assets change with their content, so browsers may keep them. The page has to be requested each time.
  onFound: (path, c) => c.header('Cache-Control', path.includes('/assets/') ? FOREVER : 'no-cache'),
});
