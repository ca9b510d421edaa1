// npm test: node
import { beforeAll, describe, expect, it } from 'vitest';
import { bundleForBrowser, servePage } from '../support/browser.js';
import { EventLog, eventually } from '../support/facts.js';
import { startServer, type TestOptions } from '../support/server.js';
import { startTabs, type Tab, type Tabs } from '../support/tabs.js';
import { startProxy } from '../support/tcp-proxy.js';
import type { WakingOptions } from './waking-page.js';

/** A woken page has a live connection again within this time. */
const BOUND_MS = 2_000;
/** A delay until the next attempt: only an event of the page begins one earlier. */
const NEVER_MS = 1_000_000_000;

let tabs: Tabs;
let cover: Tab;
let address: string;
let elsewhere: string;
beforeAll(async () => {
  elsewhere = await servePage('');
  address = await servePage(await bundleForBrowser(new URL('waking-page.ts', import.meta.url)));
  tabs = await startTabs({ throttleAfter: 1 });
  cover = await tabs.open(elsewhere);
});

interface Asked {
  readonly token: string;
  readonly reason: string;
}

/** A server that gives each token the life that its client asks for, and a relay in front of it. Without `renews` it never answers a renewal. */
async function start({ renews = true, ...options }: TestOptions & { renews?: boolean } = {}) {
  const asked: Asked[] = [];
  const said = new EventLog<unknown>();
  const server = await startServer({
    serverOptions: { path: '/io', cors: { origin: '*' } },
    authenticateFn: ({ auth }) => {
      const { token, reason, user, lastsMs } = auth as unknown as Asked & { user: string; lastsMs?: number };
      if (reason === 'renew' && !renews) return new Promise<never>(() => {});
      asked.push({ token, reason });
      return { user, ...(lastsMs !== undefined && { expiresAt: Date.now() + lastsMs }) };
    },
    validateRoomFn: ({ rooms }) => rooms,
    clientConnectedFn: ({ socket }) => {
      socket.on('say', (text) => said.push(text));
    },
    ...options,
  });
  const proxy = await startProxy({ target: Number(new URL(server.url).port) });
  return { ...server, asked, said, proxy, host: `http://127.0.0.1:${proxy.port}` };
}

/** A page with so many authenticated clients, in front of the others. */
async function openPage(count: number, options: WakingOptions): Promise<Tab> {
  const tab = await tabs.open(address);
  await tab.steps.next(([step]) => step === 'loaded', { timeout: 15_000 });
  await tab.run(([n, all]) => window.startClients(n, all), [count, options] as const);
  await authenticated(tab);
  return tab;
}

async function authenticated(tab: Tab): Promise<void> {
  await tab.run(async () => {
    await Promise.all(window.clients.map((client) => client.waitFor('authenticated', { timeout: 20_000 })));
  });
}

/** Other tabs are in front of this one. */
async function hide(tab: Tab): Promise<void> {
  await cover.show();
  await tab.isHidden();
}

/** Shows the page; resolves to the milliseconds, on the page's clock, until each client has a connection that the page had not before. */
async function showUntilReplaced(tab: Tab): Promise<number> {
  await tab.run(() => {
    const before = new Set(window.ids());
    const isNew = (id: string | null): boolean => id !== null && !before.has(id);
    document.addEventListener('visibilitychange', () => {
      const began = performance.now();
      const timer = setInterval(() => {
        if (!window.ids().every(isNew) || !window.isIn()) return;
        clearInterval(timer);
        window.tell('replaced', performance.now() - began);
      }, 5);
    });
  });
  await tab.show();
  const [, ms] = await tab.steps.next(([step]) => step === 'replaced', { timeout: 10_000 });
  return Number(ms);
}

function expectInTime(what: string, ms: number): void {
  expect(ms, what).toBeLessThan(BOUND_MS);
}

describe.each([['websocket'], ['polling']])(
  'in Chromium, a page with a client over %s that was hidden',
  (transport) => {
    const transports = [transport];

    it('keeps a connection that lives', async () => {
      const { host, said } = await start();
      const tab = await openPage(1, { host, transports });
      const before = await tab.run(() => window.ids());
      await hide(tab);
      await tab.show();
      // The page's timers fire in the order of their ends, so the client has judged its connection before this one.
      await tab.run(() => new Promise((resolve) => setTimeout(resolve, 1_800)));
      await tab.run(() => window.clients[0]?.emit({ topic: 'say', data: 'here' }));
      expect(await said.next()).toBe('here');
      expect(await tab.run(() => window.ids())).toEqual(before);
      expect(tab.steps.unread.filter(([step]) => step === 'status').map(([, detail]) => detail)).not.toContain(
        'waiting',
      );
    });

    it(`has a new connection within ${BOUND_MS} ms if the network has lost the old one without a sign`, async () => {
      const { host, proxy } = await start();
      const tab = await openPage(1, { host, transports });
      await hide(tab);
      proxy.strand();
      const ms = await showUntilReplaced(tab);
      expectInTime(transport, ms);
    });
  },
);

describe('in Chromium, a hidden page', () => {
  const transports = ['websocket'];

  it('replaces an attempt that the network has lost without a sign', async () => {
    const { host, proxy } = await start();
    const tab = await openPage(1, { host, transports });
    await hide(tab);
    const { accepted } = proxy;
    proxy.blackhole();
    proxy.cut();
    await eventually(() => proxy.accepted > accepted);
    proxy.strand();
    proxy.heal();
    await tab.run(() => new Promise((resolve) => setTimeout(resolve, 2_000)));
    const ms = await showUntilReplaced(tab);
    expectInTime('lost attempt', ms);
  });

  /** A page whose client the server has sent away for now. */
  async function sentAway(after?: number, isClosed = false): Promise<Tab> {
    const { host, helper } = await start();
    const tab = await openPage(1, { host, transports, reconnectionDelay: NEVER_MS });
    await hide(tab);
    for (const { socket } of helper.getClients().values()) {
      socket.emit('unauthenticated', { code: 'unavailable', message: 'later', retry: true, after });
      if (isClosed) socket.conn.close();
      else socket.disconnect(true);
    }
    await tab.steps.next(([, detail]) => detail === 'waiting unavailable');
    await eventually(() => tab.run(() => window.clients[0]?.getStatus().retryAt !== undefined));
    return tab;
  }

  it('connects again at once if the end of its connection is noticed as it is shown', async () => {
    const { host, proxy } = await start();
    const tab = await openPage(1, { host, transports, reconnectionDelay: NEVER_MS });
    await hide(tab);
    proxy.strand();
    const replaced = showUntilReplaced(tab);
    await eventually(() => tab.sent.some((text) => text.includes('leave')));
    proxy.cut();
    expectInTime('noticed', await replaced);
  });

  it('connects again as it is shown, if the server has sent it away', async () => {
    const tab = await sentAway();
    const ms = await showUntilReplaced(tab);
    expectInTime('sent away', ms);
  });

  it.each([
    ['disconnected it', false],
    ['closed its connection', true],
  ])('waits on for as long as the server has asked for, which has %s', async (_, isClosed) => {
    const tab = await sentAway(60_000, isClosed);
    const { opened } = tab;
    await tab.run(() => {
      document.addEventListener('visibilitychange', () => {
        dispatchEvent(new Event('online'));
        window.tell('shown', window.clients[0]?.getStatus().status);
      });
    });
    await tab.show();
    expect(await tab.steps.next(([step]) => step === 'shown')).toEqual(['shown', 'waiting']);
    expect(tab.opened).toBe(opened);
  });
});

describe('in Chromium, a page that was frozen past the end of its access', () => {
  it.each([
    ['that the network has lost', true],
    ['that the server has ended', false],
  ])('sends new credentials first, and nothing on the connection %s', async (_, isLost) => {
    // A renewal may begin before the page is frozen. Its answer would wait in the page, and give it more time from then on.
    const { host, asked, helper, proxy } = await start({ renews: false });
    const lastsMs = 3_000;
    const tab = await openPage(1, { host, transports: ['websocket'], lastsMs, reconnectionDelay: NEVER_MS });
    await hide(tab);
    await tab.freeze();
    if (isLost) proxy.strand();
    const before = asked.length;
    await eventually(() => helper.getClients().size === 0, { timeout: 10_000 });
    // The page counts from when it was told, which is later.
    await eventually(() => tab.run((ms) => Date.now() > (window.authenticatedAt ?? Number.NaN) + ms, lastsMs));
    tab.sent.length = 0;
    expectInTime(`frozen past the end, ${isLost ? 'lost' : 'ended'}`, await showUntilReplaced(tab));
    // No attempt was refused, and no renewal was sent.
    expect(asked.slice(before)).toEqual([{ token: expect.any(String), reason: 'reconnect' }]);
    const [first] = tab.sent.filter((text) => text.includes('payloadData'));
    expect(first).toContain(asked.at(-1)?.token);
  });
});

describe('in Chromium, waking up', () => {
  const transports = ['websocket'];

  it('makes one attempt for each of 20 clients when several events come at once', async () => {
    const { host, proxy } = await start();
    const tab = await openPage(20, { host, transports, reconnectionDelay: NEVER_MS });
    await hide(tab);
    proxy.cut();
    await eventually(async () => (await tab.run(() => window.ids())).every((id) => id === null), { timeout: 10_000 });
    const { opened } = tab;
    await tab.run(() => {
      document.addEventListener('visibilitychange', () => {
        dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }));
        dispatchEvent(new Event('online'));
      });
    });
    await showUntilReplaced(tab);
    expect(tab.opened - opened).toBe(20);
  });

  it('of hidden clients whose server is away tries at most once a second each, and all are back once it is', async () => {
    const { host, proxy } = await start();
    const tab = await openPage(20, { host, transports });
    await hide(tab);
    const { opened } = tab;
    const began = performance.now();
    await proxy.refuse();
    proxy.cut();
    await eventually(() => tab.opened - opened >= 40, { timeout: 20_000 });
    const attempts = tab.opened - opened;
    const seconds = (performance.now() - began) / 1_000;
    expect(attempts).toBeLessThanOrEqual(20 * (1 + seconds));
    await proxy.accept();
    await tab.show();
    await authenticated(tab);
  });

  it('by wake() replaces a connection that the network has lost, once', async () => {
    const { host, proxy } = await start();
    const tab = await openPage(1, { host, transports, reconnectionDelay: NEVER_MS });
    const [before] = await tab.run(() => window.ids());
    const { opened } = tab;
    proxy.strand();
    const ms = await tab.run(async () => {
      const began = performance.now();
      for (let call = 0; call < 10; call += 1) window.clients[0]?.wake();
      await window.clients[0]?.waitFor('waiting');
      await window.clients[0]?.waitFor('authenticated');
      return performance.now() - began;
    });
    expectInTime('wake()', ms);
    expect((await tab.run(() => window.ids()))[0]).not.toBe(before);
    expect(tab.opened - opened).toBe(1);
  });

  it('by the event online makes one attempt', async () => {
    const { host, proxy } = await start();
    const tab = await openPage(1, { host, transports, reconnectionDelay: NEVER_MS });
    await tab.setOffline(true);
    proxy.cut();
    await tab.run(() => window.clients[0]?.waitFor('waiting'));
    const { opened } = tab;
    await tab.setOffline(false);
    await authenticated(tab);
    expect(tab.opened - opened).toBe(1);
  });
});

describe.each([['websocket'], ['polling']])(
  'in Chromium, a page with a client over %s that is left and returned to',
  (transport) => {
    it('reconnects once as the browser restores the page', async () => {
      const { host, asked } = await start();
      const tab = await openPage(1, { host, transports: [transport], reconnectionDelay: NEVER_MS });
      await tab.goTo(elsewhere);
      await tab.steps.next(([step]) => step === 'pageshow');
      await tab.run(() => history.back());
      await tab.steps.next(([step, isKept]) => step === 'pageshow' && isKept === true, { timeout: 10_000 });
      await eventually(() => asked.length === 2, { timeout: 10_000 });
      await authenticated(tab);
      expect(asked.at(-1)).toMatchObject({ reason: 'reconnect' });
      expect(asked).toHaveLength(2);
    });
  },
);

describe('in Chromium, the access of a hidden page with slow timers', () => {
  const transports = ['websocket'];

  it('is renewed on its connection before it ends', async () => {
    const { host, asked } = await start();
    const tab = await openPage(1, { host, transports, lastsMs: 6_000 });
    const before = await tab.run(() => window.ids());
    await hide(tab);
    await eventually(() => asked.length === 3, { timeout: 20_000 });
    expect(asked.slice(1).map(({ reason }) => reason)).toEqual(['renew', 'renew']);
    expect(await tab.run(() => window.ids())).toEqual(before);
  });
});

describe.each([['websocket'], ['polling']])('in Chromium, signOut() over %s', (transport) => {
  it('lets no frame and no request carry the old token or query', async () => {
    const { host, helper } = await start();
    const options = { host, transports: [transport], lastsMs: 60_000, query: { key: 'secret-key' } };
    const tab = await openPage(1, options);
    const has = (secret: string): boolean => tab.sent.some((text) => text.includes(secret));
    // Chromium's protocol shows what must not be there later.
    await eventually(() => has('token-1') && has('secret-key'));
    await tab.run(() => window.clients[0]?.signOut());
    await eventually(() => helper.getClients().size === 0);
    tab.sent.length = 0;
    await tab.run(() => {
      window.clients[0]?.wake();
      window.clients[0]?.connect();
    });
    await authenticated(tab);
    await hide(tab);
    await tab.show();
    await eventually(() => has('token-2'));
    expect(has('token-1')).toBe(false);
    expect(has('secret-key')).toBe(false);
  });
});
