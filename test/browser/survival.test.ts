// npm test: node
import type { BrowserContext, Page } from 'playwright-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { bundleForBrowser, servePage, startBrowser } from '../support/browser.js';
import { defer } from '../support/cleanup.js';
import { CLIENT_TRANSPORTS } from '../support/client.js';
import { EventLog } from '../support/facts.js';
import { startServer } from '../support/server.js';

type TSteps = EventLog<readonly [step: string, detail: unknown]>;

let context: BrowserContext;
let address: string;
beforeAll(async () => {
  address = await servePage(await bundleForBrowser(new URL('../browser/survival-page.ts', import.meta.url)));
  context = await startBrowser();
});

async function openPage(): Promise<{ page: Page; steps: TSteps; status: (wanted: string) => Promise<unknown> }> {
  const page = await context.newPage();
  defer(() => page.close());
  const steps: TSteps = new EventLog();
  await page.exposeFunction('tell', (step: string, detail: unknown) => steps.push([step, detail]));
  await page.goto(address);
  await steps.next(([step]) => step === 'loaded');
  const status = (wanted: string) =>
    steps.next(([step, detail]) => step === 'status' && detail === wanted, {
      what: `status ${wanted}`,
      timeout: 15_000,
    });
  return { page, steps, status };
}

describe('in Chromium, offline and online again', () => {
  it.each(CLIENT_TRANSPORTS.map((transports) => ({ transports })))(
    'the client comes back at once over $transports, with its rooms, and sends what waited',
    async ({ transports }) => {
      const said = new EventLog<unknown>();
      const server = await startServer({
        serverOptions: { path: '/io', cors: { origin: '*' } },
        clientConnectedFn: ({ socket }) => {
          socket.on('say', (text) => said.push(text));
        },
      });
      const { page, steps, status } = await openPage();
      await page.evaluate(([host, names]) => window.startSurvivor(host, names), [server.url, transports] as const);
      await status('authenticated');
      await page.evaluate(() => window.survivor?.joinRooms({ rooms: ['open-1'] }));
      for (const round of [1, 2, 3]) {
        await context.setOffline(true);
        await status('waiting');
        await page.evaluate((n) => window.survivor?.emit({ topic: 'say', data: n }), round);
        await context.setOffline(false);
        await status('authenticated');
        const [, answer] = await steps.next(([step]) => step === 'rejoined');
        expect(answer).toEqual({ joined: ['open-1'], refused: [] });
        expect(await said.next()).toBe(round);
        server.helper.send({ destination: 'open-1', payload: { topic: 'news', data: round } });
        expect(await steps.next(([step]) => step === 'news')).toEqual(['news', round]);
      }
      expect(said.all).toEqual([1, 2, 3]);
    },
  );
});
