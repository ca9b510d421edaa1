import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { Hono, type MiddlewareHandler } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { HTTPException } from 'hono/http-exception';
import { secureHeaders } from 'hono/secure-headers';
import { serveStatic } from 'hono/serve-static';
import { checkName, fieldsOf, Refusal } from './checks.js';
import type { People } from './people.js';
import { ROOMS } from './rooms.js';
import type { Tokens } from './tokens.js';

/** Where the page is once it is built, seen from where this file is once it is compiled. */
const PAGE = fileURLToPath(new URL('../page', import.meta.url));
const MAX_BODY = 10_000;

/** The page needs nothing but what came from here. Whether it is served over TLS is for the proxy in front to say. */
const HEADERS = {
  contentSecurityPolicy: { defaultSrc: ["'self'"], baseUri: ["'none'"], frameAncestors: ["'none'"] },
  strictTransportSecurity: false,
};

export interface HttpParts {
  tokens: Tokens;
  people: People;
  operator: Hono;
}

/** Everything that is asked for over plain HTTP. Socket.IO takes what is below its own path before this. */
export function httpApp({ tokens, people, operator }: HttpParts): Hono {
  const app = new Hono();
  app.use(secureHeaders(HEADERS));
  app.use(bodyLimit({ maxSize: MAX_BODY, onError: (c) => c.json({ error: `At most ${MAX_BODY} bytes.` }, 413) }));
  app.get('/healthz', (c) => c.text('ok'));
  app.post('/api/sign-in', async (c) => {
    const name = checkName(fieldsOf(await c.req.json().catch(() => undefined)).name);
    if (people.isTaken(name)) {
      return c.json({ error: 'Somebody with a name that looks like this one is online. Enter another name.' }, 409);
    }
    return c.json({ token: await tokens.sign(name), name });
  });
  app.get('/api/rooms', (c) => c.json({ rooms: ROOMS }));
  app.route('/operator', operator);
  app.use(page());
  app.notFound((c) => c.json({ error: 'There is nothing here.' }, 404));
  app.onError((error, c) => {
    if (error instanceof Refusal) return c.json({ error: error.message }, 400);
    if (error instanceof HTTPException) return c.json({ error: error.message }, error.status);
    console.error('A request failed:', error);
    return c.json({ error: 'Something went wrong.' }, 500);
  });
  return app;
}

/** Its files, by nothing that belongs to one runtime. */
function page(): MiddlewareHandler {
  return serveStatic({
    root: PAGE,
    rewriteRequestPath: (path) => (path === '/' ? '/index.html' : path),
    getContent: async (path, c) => {
      const content = await readFile(path).catch(() => null);
      // HEAD is answered without it, and says how long it is.
      if (content !== null) c.header('Content-Length', `${content.length}`);
      return content;
    },
    onFound: (path, c) => c.header('Cache-Control', cacheOf(path)),
  });
}

/** Names of assets change with their content; the page that names them has to be asked for each time. */
function cacheOf(path: string): string {
  return path.includes('/assets/') ? 'public, max-age=31536000, immutable' : 'no-cache';
}
