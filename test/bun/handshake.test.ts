// npm test: bun
// npm run test:matrix: oldest-bun
import { expect, it } from 'vitest';
import { serve } from '../behaviour/program.js';
import { ask, opening } from '../behaviour/requests.js';

it('a client cannot make its handshake secure by sending an https URL as request target', async () => {
  const server = await serve({
    runtime: 'bun',
    options: ({ note }) => ({
      authenticateFn: ({ secure, url }) => {
        note({ secure, url });
        return true;
      },
    }),
  });
  const target = `https://elsewhere.example${opening('polling')}`;
  // Like a request to a proxy: the request line contains the absolute URL.
  const { status, body } = await ask(server.url, target);
  expect(status).toBe(200);
  const session = `${opening('polling')}&sid=${JSON.parse(body.slice(1)).sid}`;
  for (const packet of ['40', '42["authenticate"]']) await ask(server.url, session, { method: 'POST', body: packet });
  expect(await server.note()).toEqual({ secure: false, url: opening('polling') });
});
