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

/** The folder of the built page, relative to the compiled form of this file. */
const PAGE = fileURLToPath(new URL('../page', import.meta.url));
const MAX_BODY = 10_000;

/** The page loads nothing from other hosts. The proxy in front knows whether there is TLS. */
const HEADERS = {
  contentSecurityPolicy: { defaultSrc: ["'self'"], baseUri: ["'none'"], frameAncestors: ["'none'"] },
  strictTransportSecurity: false,
};

export interface HttpParts {
  tokens: Tokens;
  people: People;
  operator: Hono;
}

/** Answers plain HTTP requests. Those below Socket.IO's path do not come here. */
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
  app.notFound((c) => c.json({ error: 'Not found.' }, 404));
  app.onError((error, c) => {
    if (error instanceof Refusal) return c.json({ error: error.message }, 400);
    if (error instanceof HTTPException) return c.json({ error: error.message }, error.status);
    console.error('A request failed:', error);
    return c.json({ error: 'Something went wrong.' }, 500);
  });
  return app;
}

/** Serves the files of the page, on Node.js and on Bun. */
function page(): MiddlewareHandler {
  return serveStatic({
    root: PAGE,
    rewriteRequestPath: (path) => (path === '/' ? '/index.html' : path),
    getContent: async (path, c) => {
      const content = await readFile(path).catch(() => null);
      // Also for HEAD, whose answer has no body.
      if (content !== null) c.header('Content-Length', `${content.length}`);
      return content;
    },
    onFound: (path, c) => c.header('Cache-Control', cacheOf(path)),
  });
}

/** Names of assets change with their content, so browsers may keep them. The page has to be requested each time. */
function cacheOf(path: string): string {
  return path.includes('/assets/') ? 'public, max-age=31536000, immutable' : 'no-cache';
}
