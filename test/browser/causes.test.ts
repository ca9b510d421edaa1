// npm test: node
import { createServer } from 'node:http';
import type { BrowserContext } from 'playwright-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { bundleForBrowser, servePage, startBrowser } from '../support/browser.js';
import { defer } from '../support/cleanup.js';
import { EventLog } from '../support/facts.js';
import { listen, startServer } from '../support/server.js';

type Told = readonly [message: string, answer: string, text: string];

let context: BrowserContext;
let address: string;
beforeAll(async () => {
  context = await startBrowser();
  address = await servePage(await bundleForBrowser(new URL('attempts-page.ts', import.meta.url)));
});

/** The errors that a page reports for its attempts to connect to this host. */
async function attempt(host: string, transport: string): Promise<EventLog<Told>> {
  const told = new EventLog<Told>();
  const page = await context.newPage();
  defer(() => page.close());
  await page.exposeFunction('told', (...all: Told) => told.push(all));
  await page.goto(address);
  await page.evaluate(([to, list]) => window.attempt(to, [list]), [host, transport] as const);
  return told;
}

const isStatus = (pattern: RegExp) => (told: Told) => told[0] === 'status' && pattern.test(told[2]);

describe.each(['polling', 'websocket'])('in Chromium, a failed attempt over %s', (transport) => {
  const raw = transport === 'polling' ? 'xhr poll error' : 'websocket error';

  it('reports that no server answers, once the page knows it', async () => {
    const http = createServer();
    const { url } = await listen(http);
    await new Promise((resolve) => http.close(resolve));
    const told = await attempt(url, transport);
    const [, , text] = await told.next(([message]) => message === raw);
    expect(text).toMatch(/^can't (connect to|reach) http/);
    await told.next(isStatus(/^can't reach http:\S+: no server answers there$/), { timeout: 10_000 });
  });

  it('reports that the origin is not allowed or the path is wrong, if a server answers', async () => {
    const { url } = await startServer({ serverOptions: { path: '/io', cors: { origin: 'http://app.example' } } });
    const elsewhere = transport === 'polling' ? url : (await listen(createServer((_, response) => response.end()))).url;
    const told = await attempt(elsewhere, transport);
    await told.next(([message]) => message === raw);
    const text =
      transport === 'polling'
        ? /^this page's origin \(http:\S+\) is not allowed by http:\S+, or there is no Socket\.IO server at \/io/
        : /^http:\S+ answers, but not to a WebSocket at \/io/;
    await told.next(isStatus(text), { timeout: 10_000 });
  });
});

describe('in Chromium, an answer that the page may read', () => {
  it('names its status', async () => {
    const http = createServer((_, response) => {
      response.writeHead(404, { 'access-control-allow-origin': '*' }).end('nothing here');
    });
    const told = await attempt((await listen(http)).url, 'polling');
    expect(await told.next(([message]) => message === 'xhr poll error')).toEqual([
      'xhr poll error',
      'nothing here',
      expect.stringMatching(/^no Socket\.IO server at \/io on http:\S+ \(HTTP 404\); check "options\.path"$/),
    ]);
  });
});
