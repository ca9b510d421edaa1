// npm test: node
// npm run test:matrix: bun, oldest-bun
import type { BrowserContext } from 'playwright-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { startBrowser } from '../support/browser.js';
import { buildChat, startChat } from '../support/chat.js';
import { ChatWindow } from '../support/chat-page.js';
import { startRedis } from '../support/redis.js';

let context: BrowserContext;
beforeAll(async () => {
  await buildChat();
  context = await startBrowser();
});

/** The answers of the browser's own console to a refusal over HTTP. */
const unexpected = ({ problems }: ChatWindow): string[] => problems.filter((it) => !/status of 40[13]/.test(it));

describe('the page', () => {
  it('renews its token and keeps the connection, and takes its own name from the server', {
    timeout: 60_000,
  }, async () => {
    const chat = await startChat({ env: { TOKEN_SECONDS: '12' } });
    const ada = await ChatWindow.enter(context, chat.url, '  Ada   Lovelace ');
    const { page } = ada;
    await page.locator('.me').getByText('Ada Lovelace', { exact: true }).waitFor();
    await page.getByRole('button', { name: 'Developer panel' }).click();
    const fact = (name: string) =>
      page.getByRole('complementary').locator('dl > div').filter({ hasText: name }).locator('dd');
    const id = await fact('Socket id').textContent();
    for (let n = 1; n <= 2; n += 1) await page.waitForResponse(/token$/, { timeout: 20_000 });
    await ada.say('Still here');
    await ada.reads('Still here');
    expect([await fact('Socket id').textContent(), await fact('Connections').textContent()]).toEqual([id, '1']);
    expect(ada.problems).toEqual([]);
  });

  it('signs out: another window of the same login ends too, and says why', async () => {
    const chat = await startChat();
    const ada = await ChatWindow.enter(context, chat.url, 'Ada');
    const memory = await ada.page.evaluate(() => ({ ...sessionStorage }));
    const twin = await ChatWindow.open(context, chat.url);
    await twin.page.addInitScript((it) => Object.assign(sessionStorage, it), memory);
    await twin.page.reload();
    await twin.connected();
    await ada.page.getByRole('button', { name: 'Sign out' }).click();
    await ada.page.getByLabel('Your name').waitFor();
    await twin.state('You signed out in another window.');
    await twin.page.getByRole('button', { name: 'Sign in again' }).click();
    await twin.connected();
    expect([...ada.problems, ...twin.problems]).toEqual([]);
  });

  it('continues after a restart with another secret, with a new login', { timeout: 60_000 }, async () => {
    const chat = await startChat();
    const ada = await ChatWindow.enter(context, chat.url, 'Ada');
    chat.program.kill();
    await ada.state('Reconnecting');
    await startChat({ port: chat.port, env: { CHAT_SECRET: 'another' } });
    await ada.connected();
    await ada.say('Here again');
    await ada.reads('Here again');
    expect(unexpected(ada)).toEqual([]);
  });
});

describe('the page of somebody on another instance', () => {
  it('says in plain words that an operator kicked or banned its user, or closed a room', {
    timeout: 60_000,
  }, async () => {
    const { url: redisUrl } = await startRedis();
    const [one, other] = await Promise.all([startChat({ redisUrl }), startChat({ redisUrl, runtime: 'node' })]);
    const ada = await ChatWindow.enter(context, other.url, 'Ada');
    const { page } = ada;

    await one.operate('/rooms/lobby/close', { reason: 'We paint it today.' });
    await page.getByText('An operator closed this room: We paint it today.').waitFor();
    expect(await page.locator('#composer').count()).toBe(0);
    await page.getByRole('button', { name: 'Ask again' }).click();
    await page.getByText('An operator closed this room: We paint it today.').waitFor();
    await one.operate('/rooms/lobby/open', {});
    await page.getByRole('button', { name: 'Ask again' }).click();
    await page.locator('#composer:enabled').waitFor();

    // A narrow window shows the whole reason below the field.
    await ada.look({ width: 390 });
    const long = 'You write in capital letters only, and in all rooms at once, all day long.';
    await one.operate('/people/Ada/kick', { reason: long });
    const hint = page.locator('#composer-hint').getByText(`An operator removed you from the chat: ${long}`);
    await hint.waitFor();
    expect(await hint.evaluate((it) => [it.scrollWidth - it.clientWidth, it.scrollHeight - it.clientHeight])).toEqual([
      0, 0,
    ]);
    expect(await hint.evaluate((it) => it.clientHeight)).toBeGreaterThan(30);
    await ada.look({});
    await page.getByRole('button', { name: 'Sign in again' }).click();
    await ada.connected();

    await one.operate('/people/Ada/kick', { reason: 'too loud' });
    await ada.state('Removed');
    await ada.state('An operator removed you from the chat: too loud');
    await page.getByPlaceholder('Sign in again to send messages').waitFor();
    await page.getByRole('button', { name: 'Sign in again' }).click();
    await ada.connected();

    await one.operate('/people/Ada/ban', { reason: 'spam' });
    const words = /^You are banned until \d\d:\d\d UTC: spam$/;
    const bar = page.locator('.top').getByRole('status');
    await bar.getByText(words).waitFor();
    // A new login is refused with the reason, and the page does not reconnect.
    await page.getByRole('button', { name: 'Sign in again' }).click();
    await page
      .locator('.notice')
      .filter({ hasText: /You are banned until \d\d:\d\d UTC: spam/ })
      .waitFor();
    await ada.state('Removed');
    // The login from before is refused, too.
    await page.reload();
    await ada.state('Banned');
    await bar.getByText(words).waitFor();
    await page.getByRole('button', { name: 'Sign out' }).click();
    await ada.signIn('Ada');
    await page.getByRole('alert').getByText(words).waitFor();
    expect(unexpected(ada)).toEqual([]);
  });
});
