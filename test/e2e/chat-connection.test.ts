// npm test: node
// npm run test:matrix: bun, oldest-bun
import type { BrowserContext, Page, WebSocketRoute } from 'playwright-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { anotherProfile, startBrowser } from '../support/browser.js';
import { buildChat, ChatClient, startChat } from '../support/chat.js';
import { ChatWindow } from '../support/chat-page.js';
import { defer } from '../support/cleanup.js';
import { eventually } from '../support/facts.js';
import { startRedis } from '../support/redis.js';

let context: BrowserContext;
beforeAll(async () => {
  await buildChat();
  context = await startBrowser();
});

describe('an invalid token', () => {
  it('is refused with a reason, and signing in again works', async () => {
    const chat = await startChat();
    const ada = await ChatWindow.open(context, chat.url);
    await ada.page.route('**/api/token', (route) => route.fulfill({ json: { token: 'forged' } }));
    await ada.signIn('Ada');
    await ada.state('Signed out');
    await ada.state('You could not be authenticated. Please sign in again.');
    expect(await ada.page.locator('#composer').isDisabled()).toBe(true);
    await ada.page.getByPlaceholder('Sign in again to send messages').waitFor();
    expect(await ada.page.getByText('Please sign in again.').filter({ visible: true }).count()).toBe(1);
    await ada.page.unroute('**/api/token');
    await ada.page.getByRole('button', { name: 'Sign in again' }).click();
    await ada.connected();
    await ada.say('There I am');
    await ada.reads('There I am');
    expect(ada.problems).toEqual([]);
  });
});

describe('a name that somebody took during an outage', () => {
  it('is reported once after the reconnect, and works again when it is free', { timeout: 60_000 }, async () => {
    const chat = await startChat();
    const ada = await ChatWindow.enter(context, chat.url, 'coco');
    chat.program.kill();
    await ada.state('Reconnecting');
    // It exists before the page reconnects.
    await ada.page.route('**/api/token', (route) => route.abort());
    await startChat({ port: chat.port });
    const twin = await ChatClient.enter(chat.url, 'сосо', 'lobby');
    await ada.page.unroute('**/api/token');
    const notices = ada.page.getByText('looks like this one is online');
    await notices.waitFor({ timeout: 30_000 });
    const refused = () => ada.page.waitForResponse(/token$/, { timeout: 30_000 });
    await refused();
    await refused();
    expect(await notices.count()).toBe(1);
    twin.socket.disconnect();
    await ada.connected();
    await ada.say('Here again');
    await ada.reads('Here again');
  });
});

describe('a restart of the server with two windows open', () => {
  it('both windows rejoin their rooms, and queued messages arrive once', { timeout: 60_000 }, async () => {
    const chat = await startChat();
    let { program } = chat;
    const ada = await ChatWindow.enter(context, chat.url, 'Ada');
    const grace = await ChatWindow.enter(context, chat.url, 'Grace');
    await ada.join('Garden');
    await grace.join('Garden');
    await ada.say('Before');
    await grace.reads('Before');
    for (const round of ['first', 'second']) {
      program.kill();
      await ada.state('Reconnecting');
      await grace.state('Reconnecting');
      await ada.say(`Ada, ${round}`);
      await grace.say(`Grace, ${round}`);
      await ada.said(`Ada, ${round}`).getByText('Waiting…').waitFor();
      ({ program } = await startChat({ port: chat.port }));
      await Promise.all([ada.connected(), grace.connected()]);
      for (const window of [ada, grace]) {
        await window.reads(`Ada, ${round}`);
        await window.reads(`Grace, ${round}`);
      }
    }
    expect(await ada.heading.textContent()).toContain('Garden');
    // The page keeps messages that a server without Redis has lost.
    expect(await ada.texts()).toHaveLength(5);
    await ada.show('Lobby');
    await ada.say('In both rooms');
    await grace.entry('Lobby 1 unread').waitFor();
    expect([...ada.problems, ...grace.problems]).toEqual([]);
  });

  it('keeps people in the list until the grace time is over', { timeout: 60_000 }, async () => {
    const chat = await startChat();
    const ada = await ChatWindow.enter(await anotherProfile(context), chat.url, 'Ada', { clock: true });
    const grace = await ChatWindow.enter(context, chat.url, 'Grace');
    await ada.entry('Grace online').waitFor();
    await grace.page.route('**/api/token', (route) => route.abort());
    chat.program.kill();
    await ada.state('Reconnecting');
    await startChat({ port: chat.port });
    await ada.page.clock.fastForward(10_000);
    await ada.connected();
    await ada.entry('Grace away').waitFor();
    await ada.page.clock.fastForward(8_000);
    await ada.entry('Grace away').waitFor();
    await grace.page.unroute('**/api/token');
    await grace.connected();
    await ada.entry('Grace online').waitFor();
    await grace.page.close();
    await ada.entry('Grace away').waitFor();
    await ada.page.clock.fastForward(12_000);
    await ada.entry('Grace').waitFor({ state: 'detached' });
  });

  it('shows a countdown to the next attempt, and a button that reconnects at once', { timeout: 60_000 }, async () => {
    const chat = await startChat();
    const ada = await ChatWindow.enter(await anotherProfile(context), chat.url, 'Ada', { clock: true });
    const bar = ada.page.locator('.state');
    const before = await ada.page.locator('.conversation').boundingBox();
    chat.program.kill();
    // With its time standing still the page never comes to its next attempt by itself. The clock can only be stopped at a
    // moment to come, which on a machine that is busy may have passed.
    await eventually(
      async () => {
        await bar.getByText(/^in [2-9] s$/).waitFor();
        await ada.page.clock.pauseAt(await ada.page.evaluate(() => Date.now() + 200));
      },
      { what: 'the page between two attempts', timeout: 30_000 },
    );
    expect(await ada.page.locator('.conversation').boundingBox()).toEqual(before);
    await startChat({ port: chat.port });
    await bar.getByRole('button', { name: 'Try now' }).click();
    await ada.connected();
    expect(ada.problems).toEqual([]);
  });
});

describe('a window without a network', () => {
  it('shows that it is offline, queues messages, and sends them in order after the reconnect', {
    timeout: 60_000,
  }, async () => {
    const chat = await startChat();
    // With the host "localhost" Socket.IO's client ignores the network state.
    const ada = await ChatWindow.enter(context, chat.url.replace('localhost', '127.0.0.1'), 'Ada');
    // Outside of the browser, because the whole browser loses its network.
    const grace = await ChatClient.enter(chat.url, 'Grace', 'lobby');
    defer(() => context.setOffline(false));
    await context.setOffline(true);
    await ada.state('Offline');
    await ada.say('One');
    await ada.said('One').getByText('Waiting…').waitFor();
    await ada.say('Two');
    await ada.said('Two').getByText('Waiting…').waitFor();
    await grace.ask('say', { echo: 'meanwhile', room: 'lobby', text: 'Meanwhile' });
    await context.setOffline(false);
    await ada.connected();
    for (const text of ['Meanwhile', 'One', 'Two']) await ada.reads(text);
    expect(await ada.texts()).toEqual(['Meanwhile', 'One', 'Two']);
    expect(grace.all('message').map(({ text }) => text)).toEqual(['One', 'Two']);
    expect(ada.problems).toEqual([]);
  });
});

describe('a message that does not arrive', () => {
  it('is marked after it waited too long, and can be sent again', { timeout: 60_000 }, async () => {
    const chat = await startChat();
    const ada = await ChatWindow.enter(await anotherProfile(context), chat.url, 'Ada', { clock: true });
    chat.program.kill();
    await ada.state('Reconnecting');
    await ada.say('Too early');
    await ada.said('Too early').getByText('Waiting…').waitFor();
    await ada.page.clock.fastForward(31_000);
    await ada.said('Too early').getByText('Not sent: the connection was lost for too long').waitFor();
    await startChat({ port: chat.port });
    const grace = await ChatWindow.enter(context, chat.url, 'Grace');
    await ada.page.clock.fastForward(10_000);
    await ada.connected();
    await ada.said('Too early').getByRole('button', { name: 'Send again' }).click();
    await ada.reads('Too early');
    await grace.reads('Too early');
    expect([...ada.problems, ...grace.problems]).toEqual([]);
  });

  it('is marked if the connection broke while it was sent', { timeout: 60_000 }, async () => {
    const chat = await startChat();
    const ada = await ChatWindow.enter(context, chat.url, 'Ada');
    // While stopped, it reads nothing from its connection.
    chat.program.kill('SIGSTOP');
    await ada.say('Into the void');
    await ada.said('Into the void').getByText('Sending…').waitFor();
    chat.program.kill();
    await startChat({ port: chat.port });
    await ada.said('Into the void').getByText('Not sent: the connection broke while it was on its way').waitFor();
    await ada.said('Into the void').getByRole('button', { name: 'Discard' }).click();
    expect(await ada.said('Into the void').count()).toBe(0);
    expect(ada.problems).toEqual([]);
  });

  it('is found in the history if only the answer was lost', { timeout: 60_000 }, async () => {
    const redis = await startRedis();
    const chat = await startChat({ redisUrl: redis.url });
    const grace = await ChatWindow.enter(context, chat.url, 'Grace');
    const ada = await ChatWindow.open(context, chat.url);
    const cut = await cutAtAnswer(ada.page);
    await ada.page.reload();
    await ada.signIn('Ada');
    await ada.connected();
    await cut.upgraded;
    await ada.say('Heard after all');
    await cut.done;
    await ada.reads('Heard after all');
    await grace.reads('Heard after all');
    expect(await ada.texts()).toEqual(['Heard after all']);
    expect([...ada.problems, ...grace.problems]).toEqual([]);
  });

  it('is kept over a reload, and looked up in the history', { timeout: 60_000 }, async () => {
    const chat = await startChat();
    const ada = await ChatWindow.enter(context, chat.url, 'Ada');
    await ada.page.route('**/api/token', (route) => route.abort());
    chat.program.kill();
    await ada.state('Reconnecting');
    await ada.say('Not forgotten');
    await ada.said('Not forgotten').getByText('Waiting…').waitFor();
    await startChat({ port: chat.port });
    await ada.page.reload();
    await ada.page.unroute('**/api/token');
    await ada.said('Not forgotten').getByText('Not sent').waitFor({ timeout: 30_000 });
    await ada.said('Not forgotten').getByRole('button', { name: 'Send again' }).click();
    await ada.reads('Not forgotten');
    expect(ada.problems).toEqual([]);
  });

  it('shows why the server rejected it', async () => {
    const chat = await startChat();
    const ada = await ChatWindow.enter(context, chat.url, 'Ada');
    await ada.page.evaluate(() => {
      location.hash = '#/person/Nobody';
    });
    await ada.heading.filter({ hasText: 'Nobody' }).waitFor();
    await ada.say('Hello?');
    await ada.said('Hello?').getByText('Not sent: Nobody is not online.').waitFor();
    expect(ada.problems).toEqual([]);
  });
});

describe('the developer panel', () => {
  it('is closed by default, and shows how a cut connection is restored', async () => {
    const chat = await startChat();
    const ada = await ChatWindow.enter(context, chat.url, 'Ada');
    const panel = ada.page.getByRole('complementary', { name: 'Developer panel' });
    const fact = (name: string) => panel.locator('dl > div').filter({ hasText: name }).locator('dd');
    const history = panel.getByRole('list', { name: 'Status history' }).getByRole('listitem');
    expect(await panel.count()).toBe(0);
    await ada.page.getByRole('button', { name: 'Developer panel' }).click();
    await fact('Transport').getByText('websocket').waitFor();
    await fact('Connections').getByText('1', { exact: true }).waitFor();
    const id = await fact('Socket id').textContent();
    const { body } = await chat.operate('/clients');
    expect(body).toMatchObject({ clients: [{ id, instance: await fact('Instance').textContent() }] });
    await panel.getByRole('button', { name: 'Cut the connection' }).click();
    await ada.say('Meanwhile');
    await fact('Connections').getByText('2', { exact: true }).waitFor();
    await fact('Transport').getByText('websocket').waitFor();
    expect(await fact('Socket id').textContent()).not.toBe(id);
    await ada.reads('Meanwhile');
    const happened = (await history.allInnerTexts()).map((it) => it.split('\n')[1]).reverse();
    const connects = ['connecting', 'transport: polling', 'connected', 'authenticating', 'authenticated'];
    const steps = happened.filter((it) => it !== 'transport: websocket');
    expect(steps).toEqual([...connects, 'waiting', ...connects]);
    await panel.getByText('No errors.').waitFor();
    await ada.page.getByRole('button', { name: 'Close the developer panel' }).click();
    await panel.waitFor({ state: 'detached' });
    expect(await ada.page.evaluate(() => document.activeElement?.textContent)).toBe('Developer panel');
    expect(ada.problems).toEqual([]);
  });

  it('shows the last errors', { timeout: 60_000 }, async () => {
    const chat = await startChat();
    const ada = await ChatWindow.enter(context, chat.url, 'Ada');
    await ada.page.getByRole('button', { name: 'Developer panel' }).click();
    chat.program.kill();
    await ada.state('Reconnecting');
    await ada.page.getByRole('list', { name: 'Last errors' }).getByRole('listitem').first().waitFor();
    expect(await ada.page.getByRole('button', { name: 'Cut the connection' }).isDisabled()).toBe(true);
  });
});

/** The first WebSocket from now on breaks instead of giving the page the answer to its message. */
async function cutAtAnswer(page: Page): Promise<{ upgraded: Promise<void>; done: Promise<void> }> {
  const upgraded = latch();
  const done = latch();
  let isCut = false;
  await page.routeWebSocket(/\/io\//, (route: WebSocketRoute) => {
    const server = route.connectToServer();
    route.onMessage((frame) => {
      server.send(frame);
      // Engine.IO's packet for "upgrade": from here on it is this socket that carries everything.
      if (frame === '5') upgraded.resolve();
    });
    server.onMessage((frame) => {
      if (isCut || !/^43\d+\[\{"id"/.test(String(frame))) {
        route.send(frame);
        return;
      }
      isCut = true;
      void route.close();
      void server.close();
      done.resolve();
    });
  });
  return { upgraded: upgraded.promise, done: done.promise };
}

/** A promise with its resolver. */
function latch(): { readonly promise: Promise<void>; resolve(): void } {
  let open: () => void = () => undefined;
  const promise = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { promise, resolve: () => open() };
}
