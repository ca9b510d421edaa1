// npm test: node
import type { BrowserContext, Page } from 'playwright-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { bundleForBrowser, servePage, startBrowser } from '../support/browser.js';
import { defer } from '../support/cleanup.js';
import { CLIENT_TRANSPORTS } from '../support/client.js';
import { EventLog, eventually } from '../support/facts.js';
import { startServer } from '../support/server.js';

interface Opened {
  readonly page: Page;
  readonly steps: EventLog<readonly [step: string, detail: unknown]>;
  /** Errors and warnings of the page's console, and its uncaught exceptions. */
  readonly complaints: string[];
}

let context: BrowserContext;
beforeAll(async () => {
  context = await startBrowser();
});

/** Serves a program of this folder; resolves to the address of its page. */
async function serveProgram(file: string): Promise<string> {
  return servePage(await bundleForBrowser(new URL(file, import.meta.url)));
}

async function openPage(address: string): Promise<Opened> {
  const page = await context.newPage();
  defer(() => page.close());
  const steps: Opened['steps'] = new EventLog();
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

/** The page and the server have different origins. */
const serverOptions = { path: '/io', cors: { origin: '*' } };

describe('in Chromium', () => {
  let address: string;
  beforeAll(async () => {
    address = await serveProgram('page.ts');
  });

  it('the page has no globals of Node.js', async () => {
    const { steps } = await openPage(address);
    expect(await steps.next(of('loaded'))).toEqual(['loaded', { process: false, Buffer: false, setImmediate: false }]);
  });

  it.each(CLIENT_TRANSPORTS.map((transports) => ({ transports })))(
    'a client connects, authenticates, joins, receives and shuts down over $transports',
    async ({ transports }) => {
      const { helper: server, url } = await startServer({ serverOptions });
      const { page, steps, complaints } = await openPage(address);
      await page.evaluate(([host, names]) => window.startClient(host, names, 'good'), [url, transports] as const);
      expect(await steps.next(of('connected'))).toEqual(['connected', 'unauthorized']);
      expect(await steps.next(of('authenticated'))).toEqual(['authenticated', true]);
      const [, answer] = await steps.next(of('rooms'));
      expect(answer).toMatchObject({ joined: ['open-1'], refused: [{ room: 'closed', code: 'not_allowed' }] });
      server.send({ destination: 'open-1', payload: { topic: 'news', data: { text: 'grüezi', zero: 0 } } });
      expect(await steps.next(of('news'))).toEqual(['news', { text: 'grüezi', zero: 0 }]);
      // Closing a WebSocket during the upgrade makes Chromium write to the console.
      const transport = () => page.evaluate(() => window.client?.getSocketClient().io.engine.transport.name);
      await eventually(async () => expect(await transport()).toBe(transports.at(-1)));
      const [client] = server.getClients().values();
      const left = new Promise((resolve) => client?.socket.on('disconnect', resolve));
      await page.evaluate(() => window.client?.shutdown());
      expect(await left).toBe('client namespace disconnect');
      expect(complaints).toEqual([]);
    },
  );

  it('a refused client receives the reason, then is disconnected', async () => {
    const { url } = await startServer({ serverOptions });
    const { page, steps } = await openPage(address);
    await page.evaluate((host) => window.startClient(host, ['websocket'], 'bad'), url);
    expect(await steps.next(of('unauthenticated'))).toEqual(['unauthenticated', expect.stringMatching(/sign in/i)]);
    expect(await steps.next(of('disconnected'))).toEqual(['disconnected', 'io server disconnect']);
  });
});

describe('in Chromium, offline and online again', () => {
  let address: string;
  beforeAll(async () => {
    address = await serveProgram('survival-page.ts');
  });

  it.each(CLIENT_TRANSPORTS.map((transports) => ({ transports })))(
    'the client reconnects at once over $transports, with its rooms, and sends its queue',
    async ({ transports }) => {
      const said = new EventLog<unknown>();
      const server = await startServer({
        serverOptions,
        clientConnectedFn: ({ socket }) => {
          socket.on('say', (text) => said.push(text));
        },
      });
      const { page, steps } = await openPage(address);
      await steps.next(of('loaded'));
      const status = (wanted: string) =>
        steps.next(([step, detail]) => step === 'status' && detail === wanted, {
          what: `status ${wanted}`,
          timeout: 15_000,
        });
      await page.evaluate(([host, names]) => window.startSurvivor(host, names), [server.url, transports] as const);
      await status('authenticated');
      await page.evaluate(() => window.survivor?.joinRooms({ rooms: ['open-1'] }));
      defer(() => context.setOffline(false));
      for (const round of [1, 2, 3]) {
        await context.setOffline(true);
        await status('waiting');
        await page.evaluate((n) => window.survivor?.emit({ topic: 'say', data: n }), round);
        await context.setOffline(false);
        await status('authenticated');
        const [, answer] = await steps.next(of('rejoined'));
        expect(answer).toEqual({ joined: ['open-1'], refused: [] });
        expect(await said.next()).toBe(round);
        server.helper.send({ destination: 'open-1', payload: { topic: 'news', data: round } });
        expect(await steps.next(of('news'))).toEqual(['news', round]);
      }
      expect(said.all).toEqual([1, 2, 3]);
    },
  );
});

describe('in Chromium, a page that is restored from the back-forward cache', () => {
  it('receives messages at once after the restore, instead of after a heartbeat', async () => {
    const { helper, url } = await startServer({ serverOptions });
    const address = await serveProgram('survival-page.ts');
    const elsewhere = await servePage('');
    const cached = await startBrowser({ backForwardCache: true });
    const page = await cached.newPage();
    await page.addInitScript(() => {
      window.tell = (step, detail) => {
        if (step === 'news') document.title = String(detail);
      };
      window.addEventListener('pageshow', ({ persisted }) => {
        if (persisted) document.title = 'restored';
      });
    });
    await page.goto(address);
    await page.evaluate((host) => {
      window.startSurvivor(host, ['polling']);
      return window.survivor?.waitFor('authenticated');
    }, url);
    const [before] = helper.getClients().keys();
    await page.goto(elsewhere);
    // goBack() waits for a load event, which a page restored from the cache does not have.
    await page.evaluate(() => history.back());
    await eventually(async () => expect(await page.title()).toBe('restored'));
    await eventually(() => {
      const [now] = helper.getClients().keys();
      return now !== undefined && now !== before;
    });
    await page.evaluate(() => window.survivor?.waitFor('authenticated'));
    helper.send({ payload: { topic: 'news', data: 'after' } });
    await eventually(async () => expect(await page.title()).toBe('after'));
  });
});
