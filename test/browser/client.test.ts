// npm test: node
import type { BrowserContext, Page } from 'playwright-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { bundleForBrowser, servePage, startBrowser } from '../support/browser.js';
import { defer } from '../support/cleanup.js';
import { CLIENT_TRANSPORTS } from '../support/client.js';
import { EventLog } from '../support/facts.js';
import { startServer } from '../support/server.js';

interface IOpened {
  readonly page: Page;
  readonly steps: EventLog<readonly [step: string, detail: unknown]>;
  /** What the page complained about, on its console or by an exception. */
  readonly complaints: string[];
}

let context: BrowserContext;
let address: string;
beforeAll(async () => {
  const script = await bundleForBrowser(new URL('../browser/page.ts', import.meta.url));
  address = await servePage(script);
  context = await startBrowser();
});

async function openPage(): Promise<IOpened> {
  const page = await context.newPage();
  defer(() => page.close());
  const steps: IOpened['steps'] = new EventLog();
  const complaints: string[] = [];
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('console', (message) => complaints.push(message.text()));
  await page.exposeFunction('tell', (step: string, detail: unknown) => steps.push([step, detail]));
  await page.goto(address);
  return { page, steps, complaints };
}

const of =
  (wanted: string) =>
  ([step]: readonly [string, unknown]): boolean =>
    step === wanted;

/** The origin of the page is another than the server's. */
const serverOptions = { path: '/io', cors: { origin: '*' } };

describe('in Chromium', () => {
  it('the page has none of the globals of Node.js', async () => {
    const { steps } = await openPage();
    expect(await steps.next(of('loaded'))).toEqual(['loaded', { process: false, Buffer: false, setImmediate: false }]);
  });

  it.each(CLIENT_TRANSPORTS.map((transports) => ({ transports })))(
    'a client connects, authenticates, joins, receives and shuts down over $transports',
    async ({ transports }) => {
      const { helper: server, url } = await startServer({ serverOptions });
      const { page, steps, complaints } = await openPage();
      await page.evaluate(([host, names]) => window.startClient(host, names, 'good'), [url, transports] as const);
      expect(await steps.next(of('connected'))).toEqual(['connected', 'unauthorized']);
      expect(await steps.next(of('authenticated'))).toEqual(['authenticated', true]);
      const [, answer] = await steps.next(of('rooms'));
      expect(answer).toMatchObject({ joined: ['open-1'], refused: [{ room: 'closed', code: 'not_allowed' }] });
      server.send({ destination: 'open-1', payload: { topic: 'news', data: { text: 'grüezi', zero: 0 } } });
      expect(await steps.next(of('news'))).toEqual(['news', { text: 'grüezi', zero: 0 }]);
      const [client] = server.getClients().values();
      const left = new Promise((resolve) => client?.socket.on('disconnect', resolve));
      await page.evaluate(() => window.client?.shutdown());
      expect(await left).toBe('client namespace disconnect');
      expect(complaints).toEqual([]);
    },
  );

  it('a refused client is told, and disconnected', async () => {
    const { url } = await startServer({ serverOptions });
    const { page, steps } = await openPage();
    await page.evaluate((host) => window.startClient(host, ['websocket'], 'bad'), url);
    expect(await steps.next(of('unauthenticated'))).toEqual(['unauthenticated', expect.stringMatching(/sign in/i)]);
    expect(await steps.next(of('disconnected'))).toEqual(['disconnected', 'io server disconnect']);
  });
});
