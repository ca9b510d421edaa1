// npm test: node
// npm run test:matrix: bun, oldest-bun
import type { BrowserContext } from 'playwright-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { startBrowser } from '../support/browser.js';
import { buildChat, startChat } from '../support/chat.js';
import { ChatWindow } from '../support/chat-page.js';
import { eventually } from '../support/facts.js';
import { startRedis } from '../support/redis.js';

let context: BrowserContext;
beforeAll(async () => {
  await buildChat();
  context = await startBrowser();
});

async function twoWindows() {
  const chat = await startChat();
  const ada = await ChatWindow.enter(context, chat.url, 'Ada');
  const grace = await ChatWindow.enter(context, chat.url, 'Grace');
  return { chat, ada, grace };
}

describe('the chat in two windows', () => {
  it('each reads what the other says, and sees who types and who is there', async () => {
    const { ada, grace } = await twoWindows();
    await ada.entry('Grace online').waitFor();
    await grace.entry('Ada online').waitFor();
    await grace.page.locator('#composer').pressSequentially('Hello');
    await ada.page.getByText('Grace is typing…').waitFor();
    await grace.say('Hello, Ada');
    await ada.reads('Hello, Ada');
    await ada.page.getByText('Grace is typing…').waitFor({ state: 'detached' });
    await ada.say('Hello,\n<b>Grace</b> 🌱');
    await grace.reads('<b>Grace</b> 🌱');
    await ada.reads('Hello, Ada');
    await grace.page.close();
    await ada.entry('Grace').waitFor({ state: 'detached' });
    expect([...ada.problems, ...grace.problems]).toEqual([]);
  });

  it('a direct message reaches one person, who is told of it elsewhere', async () => {
    const { chat, ada, grace } = await twoWindows();
    const eve = await ChatWindow.enter(context, chat.url, 'Eve');
    await ada.entry('Grace online').click();
    await ada.heading.filter({ hasText: 'Grace' }).waitFor();
    await ada.say('Between us');
    await ada.reads('Between us');
    await grace.entry('Ada online 1 unread').waitFor();
    expect(await grace.page.title()).toBe('(1) Roomgate chat');
    await grace.entry('Ada online 1 unread').click();
    await grace.reads('Between us');
    await grace.entry('Ada online').waitFor();
    await grace.say('As always');
    await ada.reads('As always');
    expect(await eve.page.getByText('1 unread').count()).toBe(0);
    expect(ada.page.url()).toContain('#/person/Grace');
    expect([...ada.problems, ...grace.problems, ...eve.problems]).toEqual([]);
  });

  it('a room has its past for who comes later, and is left and counted', async () => {
    const { ada, grace } = await twoWindows();
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
    const chat = await startChat();
    const ada = await ChatWindow.enter(context, chat.url, 'Ada');
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
    const { ada, grace } = await twoWindows();
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

  it('a name that is none is refused with the reason', async () => {
    const chat = await startChat();
    const window = await ChatWindow.open(context, chat.url);
    await window.signIn('<>');
    await eventually(async () => (await window.page.getByRole('alert').textContent()) !== '');
    expect(await window.page.getByLabel('Your name').evaluate((it) => it === document.activeElement)).toBe(true);
  });
});

describe('what an operator does', () => {
  it('is seen: a notice, and rooms that were entered and left for somebody', async () => {
    const chat = await startChat();
    const ada = await ChatWindow.enter(context, chat.url, 'Ada');
    await chat.operate('/broadcast', { text: 'We restart at noon.' });
    await ada.page.getByText('We restart at noon.').waitFor();
    await ada.page.getByRole('button', { name: 'Dismiss' }).click();
    await ada.page.getByText('We restart at noon.').waitFor({ state: 'detached' });
    const { body } = await chat.operate('/clients');
    const { clients } = body as { clients: { id: string; name: string }[] };
    await chat.operate(`/clients/${clients[0]?.id}/join`, { rooms: ['garden'] });
    await ada.entry('Garden').and(ada.page.locator(':not(.faint)')).waitFor();
    await chat.operate(`/clients/${clients[0]?.id}/leave`, { rooms: ['lobby'] });
    await ada.page.locator('.empty').getByText('An operator took you out of this room.').waitFor();
    expect(ada.problems).toEqual([]);
  });
});

describe('the chat of two processes over Redis', () => {
  it('is one chat, with one past, and says so when Redis is away', async () => {
    const redis = await startRedis();
    const one = await startChat({ redisUrl: redis.url });
    // The other one always on Node.js: runtimes may be mixed.
    const other = await startChat({ redisUrl: redis.url, runtime: 'node' });
    const ada = await ChatWindow.enter(context, one.url, 'Ada');
    const grace = await ChatWindow.enter(context, other.url, 'Grace');
    await ada.entry('Grace online').waitFor();
    await grace.page.locator('#composer').pressSequentially('From');
    await ada.page.getByText('Grace is typing…').waitFor();
    await grace.say('From over here');
    await ada.reads('From over here');
    await ada.say('And back');
    await grace.reads('And back');
    const late = await ChatWindow.enter(context, other.url, 'Lin');
    await late.reads('And back');
    expect(await late.texts()).toEqual(['From over here', 'And back']);
    await redis.kill();
    await ada.state('Connected, degraded');
    await ada.page.locator('#composer-hint').getByText('may not hear you').waitFor();
    await redis.restart();
    await ada.connected();
    await grace.connected();
    await ada.say('Better');
    await grace.reads('Better');
    expect([...ada.problems, ...grace.problems, ...late.problems]).toEqual([]);
  });
});
