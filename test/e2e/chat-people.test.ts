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
/** Of all tests but the one about two processes. */
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

/** A window takes a second to open, so that these stay for all tests, each of which brings texts of its own. */
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

  it('a name that is none is refused with the reason', async () => {
    await eve.signIn('<>');
    await eventually(async () => (await eve.page.getByRole('alert').textContent()) !== '');
    expect(await eve.page.getByLabel('Your name').evaluate((it) => it === document.activeElement)).toBe(true);
    // The browser says so by itself.
    await eventually(() => expect(eve.problems.splice(0)).toEqual([expect.stringContaining('400')]));
  });

  it('what an operator does is seen: a notice, and rooms that were entered and left for somebody', async () => {
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
    await eve.page.locator('.empty').getByText('An operator took you out of this room.').waitFor();
    expect(eve.problems).toEqual([]);
  });

  it('each reads what the other says, and sees who types and who is there', async () => {
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

  it('a direct message reaches one person, who is told of it elsewhere', async () => {
    await inTheLobby(ada, grace);
    await eve.entry('Grace online').click();
    await eve.heading.filter({ hasText: 'Grace' }).waitFor();
    await eve.say('Between us');
    await eve.reads('Between us');
    await grace.entry('Eve online 1 unread').waitFor();
    await eventually(async () => expect(await grace.page.title()).toBe('(1) Roomgate chat'));
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

  it('a room has its past for those who come later, and is left and counted', async () => {
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
    await grace.page.getByText('You are not in Garden.').waitFor();
    expect(await grace.page.locator('#composer').isDisabled()).toBe(true);
    expect([...ada.problems, ...grace.problems]).toEqual([]);
  });

  it('the vault refuses, says why, and goes on doing so', async () => {
    await inTheLobby(ada);
    await ada.entry('Vault not joined').click();
    await ada.page.getByRole('button', { name: 'Join Vault' }).click();
    await ada.page.getByRole('heading', { name: 'Vault is closed to you' }).waitFor();
    await ada.page.getByRole('main').locator('.empty').getByText('This room is not open to you.').waitFor();
    expect(await ada.page.locator('#composer').isDisabled()).toBe(true);
    await ada.page.getByRole('button', { name: 'Ask again' }).click();
    await ada.page.getByRole('heading', { name: 'Vault is closed to you' }).waitFor();
    expect(ada.problems).toEqual([]);
  });

  it('after a reload the same person is in the same rooms, with the same conversation open', async () => {
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
  it('is one chat, with one past, and says so when Redis is away', async () => {
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
    await ada.page.locator('#composer-hint').getByText('may not hear you').waitFor();
    await redis.restart();
    await ada.connected();
    await grace.connected();
    await ada.say('Better');
    await grace.reads('Better');
    expect([...ada.problems, ...grace.problems, ...late.problems]).toEqual([]);
  });
});
