// npm test: node
// npm run test:matrix: bun, oldest-bun
import type { BrowserContext } from 'playwright-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { startBrowser } from '../support/browser.js';
import { buildChat, type RunningChat, startChat } from '../support/chat.js';
import { ChatWindow } from '../support/chat-page.js';
import { eventually } from '../support/facts.js';
import { startRedis } from '../support/redis.js';

let context: BrowserContext;
/** For all tests except that about two processes. */
let chat: RunningChat;
beforeAll(async () => {
  await buildChat();
  [context, chat] = await Promise.all([startBrowser(), startChat()]);
});

/** Looks while Grace types: the notice disappears a few seconds later. */
async function seesTyping(ada: ChatWindow, grace: ChatWindow, text: string): Promise<void> {
  await Promise.all([
    ada.page.getByText('Grace is typing…').waitFor(),
    grace.page.locator('#composer').pressSequentially(text),
  ]);
}

/** A window takes a second to open, so these stay open for all tests. Each test uses its own texts. */
describe('the chat in three windows', () => {
  let eve: ChatWindow;
  let ada: ChatWindow;
  let grace: ChatWindow;
  beforeAll(async () => {
    eve = await ChatWindow.open(context, chat.url);
    ada = await ChatWindow.enter(context, chat.url, 'Ada');
    grace = await ChatWindow.enter(context, chat.url, 'Grace');
  });

  async function inTheLobby(...windows: ChatWindow[]): Promise<void> {
    for (const window of windows) await window.show('Lobby');
  }

  it('an invalid name is explained below the field, and never reaches the server', async () => {
    const requests: string[] = [];
    eve.page.on('request', (request) => requests.push(request.url()));
    const field = eve.page.getByLabel('Your name');
    const error = eve.page.getByRole('alert');
    for (const [name, why] of [
      ['', 'Enter a name of up to 24 letters, digits, spaces, _, - or .'],
      ['<>', 'Enter a name of up to 24 letters, digits, spaces, _, - or .'],
      ['x'.repeat(25), 'Enter a name of up to 24 letters, digits, spaces, _, - or .'],
      ['A\u3164', 'Enter a name without invisible characters.'],
    ]) {
      await eve.signIn(`${name}`);
      await eventually(async () => expect(await error.textContent()).toBe(why));
      expect(await field.evaluate((it) => it === document.activeElement)).toBe(true);
      expect(await field.getAttribute('aria-invalid')).toBe('true');
    }
    const [above, below] = await Promise.all([field.boundingBox(), error.boundingBox()]);
    expect(below?.y).toBeGreaterThanOrEqual((above?.y ?? 0) + (above?.height ?? 0));
    await field.fill('Eve');
    await eventually(async () => expect(await error.textContent()).toBe(''));
    expect(requests).toEqual([]);
    expect(eve.problems).toEqual([]);
  });

  it('notices of an operator appear, and moves into and out of rooms', async () => {
    await eve.signIn('Eve');
    await eve.connected();
    await chat.operate('/broadcast', { text: 'We restart at noon.' });
    await eve.page.getByText('We restart at noon.').waitFor();
    await eve.page.getByRole('button', { name: 'Dismiss' }).click();
    await eve.page.getByText('We restart at noon.').waitFor({ state: 'detached' });
    const { body } = await chat.operate('/clients');
    const { clients } = body as { clients: { id: string; name: string }[] };
    const id = clients.find(({ name }) => name === 'Eve')?.id;
    await chat.operate(`/clients/${id}/join`, { rooms: ['garden'] });
    await eve.entry('Garden').and(eve.page.locator(':not(.faint)')).waitFor();
    await chat.operate(`/clients/${id}/leave`, { rooms: ['lobby'] });
    await eve.page.getByRole('main').getByText('An operator removed you from this room.').waitFor();
    expect(eve.problems).toEqual([]);
  });

  it('two people read each other, and see who is typing and online', async () => {
    await inTheLobby(ada, grace);
    await ada.entry('Grace online').waitFor();
    await grace.entry('Ada online').waitFor();
    await seesTyping(ada, grace, 'Hello');
    await grace.say('Hello, Ada');
    await ada.reads('Hello, Ada');
    await ada.page.getByText('Grace is typing…').waitFor({ state: 'detached' });
    await ada.say('Hello,\n<b>Grace</b> 🌱');
    await grace.reads('<b>Grace</b> 🌱');
    await ada.reads('Hello, Ada');
    expect([...ada.problems, ...grace.problems]).toEqual([]);
  });

  it('a direct message reaches one person only, and counts as unread in other conversations', async () => {
    await inTheLobby(ada, grace);
    await eve.entry('Grace online').click();
    await eve.heading.filter({ hasText: 'Grace' }).waitFor();
    await eve.say('Between us');
    await eve.reads('Between us');
    await grace.entry('Eve online 1 unread').waitFor();
    await eventually(async () => expect(await grace.page.title()).toBe('(1) Lobby · Roomgate chat'));
    await grace.entry('Eve online 1 unread').click();
    await grace.reads('Between us');
    await grace.entry('Eve online').waitFor();
    await grace.say('As always');
    await eve.reads('As always');
    expect(await ada.page.getByText('1 unread').count()).toBe(0);
    expect(eve.page.url()).toContain('#/person/Grace');
    await ada.entry('Eve online').waitFor();
    await eve.page.close();
    await ada.entry('Eve').waitFor({ state: 'detached' });
    expect([...ada.problems, ...grace.problems, ...eve.problems]).toEqual([]);
  });

  it('a room shows its history to newcomers, counts its members, and can be left', async () => {
    await inTheLobby(ada, grace);
    await ada.join('Garden');
    await ada.say('The roses are out');
    await ada.reads('The roses are out');
    await grace.join('Garden');
    await grace.reads('The roses are out');
    await ada.page.getByText('2 here').waitFor();
    await ada.show('Lobby');
    await grace.say('And the bees');
    await ada.entry('Garden 1 unread').waitFor();
    await grace.page.getByRole('button', { name: 'Leave Garden' }).click();
    await grace.page.getByText('Join to send messages').waitFor();
    expect(await grace.page.locator('#composer').count()).toBe(0);
    expect([...ada.problems, ...grace.problems]).toEqual([]);
  });

  it('the vault refuses with one message, even when asked again', async () => {
    await inTheLobby(ada);
    await ada.entry('Vault not joined').click();
    const refusals = ada.page.getByText('This room is not open to you.');
    const join = ada.page.getByRole('main').getByRole('button', { name: /Join/ });
    await join.waitFor();
    expect(await join.count()).toBe(1);
    await join.click();
    await refusals.waitFor();
    expect([await refusals.count(), await join.count()]).toEqual([1, 0]);
    await ada.page.getByRole('button', { name: 'Ask again' }).click();
    await refusals.waitFor();
    expect(await refusals.count()).toBe(1);
    expect(ada.problems).toEqual([]);
  });

  it('only web addresses become links, and these have rel="noopener noreferrer"', async () => {
    await inTheLobby(ada, grace);
    await grace.say('See https://example.com/a_(b), javascript:alert(1) and <a href="https://x.example">x</a>');
    await ada.reads('javascript:alert(1)');
    const links = ada.said('javascript:alert(1)').getByRole('link');
    const found = await links.evaluateAll((all) =>
      all.map((it) => [it.textContent, it.getAttribute('href'), it.getAttribute('rel'), it.getAttribute('target')]),
    );
    expect(found).toEqual([
      ['https://example.com/a_(b)', 'https://example.com/a_(b)', 'noopener noreferrer', '_blank'],
      ['https://x.example', 'https://x.example/', 'noopener noreferrer', '_blank'],
    ]);
  });

  it('the count of people includes oneself, and only the developer panel names the instance', async () => {
    const counted = (window: ChatWindow) => window.page.getByRole('heading', { name: /^People/ }).textContent();
    const { body } = await chat.operate('/clients');
    const names = new Set((body as { clients: { name: string }[] }).clients.map(({ name }) => name));
    await eventually(async () => expect(await counted(ada)).toBe(`People ${names.size} online`));
    const { body: info } = await chat.operate('/info');
    const { instance } = info as { instance: string };
    expect(await ada.page.getByText(instance).count()).toBe(0);
    await ada.page.getByRole('button', { name: 'Developer panel' }).click();
    await ada.page.getByRole('complementary', { name: 'Developer panel' }).getByText(instance).waitFor();
    await ada.page.getByRole('button', { name: 'Close the developer panel' }).click();
    expect(await ada.page.getByText(instance).count()).toBe(0);
  });

  it('a reload keeps the person, the rooms and the open conversation', async () => {
    await inTheLobby(ada, grace);
    await ada.join('Workshop');
    await ada.say('It was the cable');
    await ada.reads('It was the cable');
    await ada.page.reload();
    await ada.reads('It was the cable');
    await grace.say('Anybody?');
    await ada.entry('Lobby 1 unread').waitFor();
    await ada.page.getByRole('button', { name: 'Sign out' }).click();
    await ada.page.getByLabel('Your name').waitFor();
    await grace.entry('Ada').waitFor({ state: 'detached' });
    expect([...ada.problems, ...grace.problems]).toEqual([]);
  });
});

describe('the chat of two processes over Redis', () => {
  it('shares messages and history, and shows when Redis is unreachable', async () => {
    const redis = await startRedis();
    // The other one always on Node.js: runtimes may be mixed.
    const [one, other] = await Promise.all([
      startChat({ redisUrl: redis.url }),
      startChat({ redisUrl: redis.url, runtime: 'node' }),
    ]);
    const ada = await ChatWindow.enter(context, one.url, 'Ada');
    const grace = await ChatWindow.enter(context, other.url, 'Grace');
    await ada.entry('Grace online').waitFor();
    await seesTyping(ada, grace, 'From');
    await grace.say('From over here');
    await ada.reads('From over here');
    await ada.say('And back');
    await grace.reads('And back');
    const late = await ChatWindow.enter(context, other.url, 'Lin');
    await late.reads('And back');
    expect(await late.texts()).toEqual(['From over here', 'And back']);
    await redis.kill();
    for (const window of [ada, grace]) await window.state('Connected, degraded');
    await ada.state('Messages may not reach people on other servers.');
    await redis.restart();
    await ada.connected();
    await grace.connected();
    await ada.say('Better');
    await grace.reads('Better');
    expect([...ada.problems, ...grace.problems, ...late.problems]).toEqual([]);
  });
});
