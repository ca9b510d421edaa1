// npm test: node
import type { BrowserContext } from 'playwright-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { startBrowser } from '../support/browser.js';
import { buildChat, ChatClient, type RunningChat, startChat } from '../support/chat.js';
import { ChatWindow, type Look } from '../support/chat-page.js';
import { eventually } from '../support/facts.js';

const WIDE = { width: 1280, height: 800 };
const NARROW = { width: 390, height: 844 };

let context: BrowserContext;
/** For all tests except those that need a separate one. */
let chat: RunningChat;
beforeAll(async () => {
  await buildChat();
  [context, chat] = await Promise.all([startBrowser(), startChat()]);
});

/** Presses a key until the element with this name has the focus, at most this many times. */
async function reach({ page }: ChatWindow, name: string, key = 'Tab'): Promise<void> {
  const seen: string[] = [];
  for (let presses = 0; presses < 30; presses += 1) {
    await page.keyboard.press(key);
    const words = await page.evaluate(() => document.activeElement?.textContent ?? '');
    if (words.includes(name)) return;
    seen.push(words.slice(0, 20));
  }
  throw new Error(`the keyboard does not come to "${name}", only to ${seen.join(', ')}`);
}

describe('the page, with a keyboard only', () => {
  it('allows signing in, changing the room, joining and sending', async () => {
    const grace = await ChatClient.enter(chat.url, 'Grace', 'garden');
    const window = await ChatWindow.open(context, chat.url, { motion: true });
    const { page } = window;
    await eventually(() => page.evaluate(() => document.activeElement?.id === 'name'));
    await page.keyboard.type('Ada');
    await page.keyboard.press('Enter');
    await window.connected();
    await eventually(() => page.evaluate(() => document.activeElement?.id === 'composer'));
    await page.keyboard.type('Line one');
    await page.keyboard.press('Shift+Enter');
    await page.keyboard.type('line two');
    await page.keyboard.press('Enter');
    await window.reads('line two');
    expect(await window.texts()).toEqual(['Line one\nline two']);
    await reach(window, 'Garden', 'Shift+Tab');
    await page.keyboard.press('Enter');
    await eventually(() => page.evaluate(() => document.activeElement?.id === 'conversation-title'));
    await reach(window, 'Join Garden');
    await page.keyboard.press('Enter');
    await eventually(() => page.evaluate(() => document.activeElement?.id === 'composer'));
    await page.keyboard.type('Without a mouse');
    await page.keyboard.press('Enter');
    expect(await grace.next('message')).toMatchObject({ from: 'Ada', room: 'garden', text: 'Without a mouse' });
    await window.reads('Without a mouse');
    await reach(window, 'Skip to the conversation', 'Shift+Tab');
    await page.keyboard.press('Enter');
    await eventually(() => page.evaluate(() => document.activeElement?.id === 'composer'));
    expect(window.problems).toEqual([]);
  });
});

describe('the page on a phone', () => {
  it('has a drawer for rooms and people, which keeps the focus and returns it', async () => {
    const ada = await ChatWindow.enter(context, chat.url, 'Ada', { ...NARROW, motion: true });
    const { page } = ada;
    const opener = page.getByRole('button', { name: 'Rooms and people' });
    const drawer = page.getByRole('dialog', { name: 'Rooms and people' });
    await opener.click();
    await drawer.waitFor();
    for (let presses = 0; presses < 12; presses += 1) {
      await page.keyboard.press('Tab');
      // Between the last and the first element the browser itself has the focus. The page sees it on its body.
      const place = await page.evaluate(() => [
        document.activeElement?.closest('dialog')?.open,
        document.activeElement?.tagName,
      ]);
      expect(place[0] === true || place[1] === 'BODY', String(place)).toBe(true);
    }
    await page.keyboard.press('Escape');
    await drawer.waitFor({ state: 'hidden' });
    expect(await opener.evaluate((it) => it === document.activeElement)).toBe(true);
    await opener.click();
    await ada.entry('Garden').click();
    await drawer.waitFor({ state: 'hidden' });
    await ada.heading.filter({ hasText: 'Garden' }).waitFor();
    await eventually(() => page.evaluate(() => document.activeElement?.id === 'conversation-title'));
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(NARROW.width);
    expect(ada.problems).toEqual([]);
  });
});

/** Elements that extend beyond the right edge of the window. */
function sticksOut({ page }: ChatWindow): Promise<string[]> {
  return page.evaluate(() =>
    [...document.querySelectorAll('body *')]
      .filter((it) => it.getBoundingClientRect().right > innerWidth + 1)
      .map((it) => `${it.tagName} ${it.className}`),
  );
}

/** Pairs of elements: the focus ring of the first covers a part of the second, or leaves the window. */
function ringCollisions({ page }: ChatWindow): Promise<string[]> {
  return page.evaluate(() => {
    const focusable = [...document.querySelectorAll<HTMLElement>('a[href], button:not(:disabled), input, textarea')];
    const modal = document.querySelector('dialog[open]');
    const places = focusable.filter((it) => it.checkVisibility() && (modal === null || modal.contains(it)));
    const shown = places.filter((it) => !it.classList.contains('skip'));
    const nameOf = (it: HTMLElement): string => it.textContent?.trim() || it.id;
    const found: string[] = [];
    for (const one of shown) {
      one.focus();
      const { outlineStyle, outlineWidth, outlineOffset } = getComputedStyle(one);
      const reach = outlineStyle === 'none' ? 0 : Number.parseFloat(outlineWidth) + Number.parseFloat(outlineOffset);
      const { left, top, right, bottom } = one.getBoundingClientRect();
      if (left - reach < 0 || right + reach > innerWidth) found.push(`${nameOf(one)}: window`);
      for (const other of shown) {
        const box = other.getBoundingClientRect();
        const isApart =
          left - reach >= box.right ||
          right + reach <= box.left ||
          top - reach >= box.bottom ||
          bottom + reach <= box.top;
        if (other !== one && !one.contains(other) && !isApart) found.push(`${nameOf(one)}: ${nameOf(other)}`);
      }
    }
    return found;
  });
}

/** Elements to touch that a finger of 44 pixels misses. Links within a text are exempt. */
function smallTargets({ page }: ChatWindow): Promise<string[]> {
  return page.evaluate(() => {
    const modal = document.querySelector('dialog[open]');
    const all = [...document.querySelectorAll<HTMLElement>('button, .row[href], input, textarea')];
    const shown = all.filter((it) => it.checkVisibility() && !it.matches('.skip') && (modal?.contains(it) ?? true));
    const isMissed = (it: HTMLElement): boolean => {
      it.scrollIntoView({ block: 'nearest' });
      const { left, top, width, height } = it.getBoundingClientRect();
      const [x, y] = [left + width / 2, top + height / 2];
      const points = [-21.5, 21.5].flatMap((by) => [
        [x, y + by],
        [x + by, y],
      ]);
      return points.some(([px = 0, py = 0]) => !it.contains(document.elementFromPoint(px, py)));
    };
    return shown.filter(isMissed).map((it) => it.textContent?.trim() || it.id);
  });
}

describe('a window on a phone', () => {
  it('has no target that is smaller than a finger', { timeout: 60_000 }, async () => {
    const own = await startChat();
    await ChatClient.enter(own.url, 'Grace', 'lobby');
    const ada = await ChatWindow.open(context, own.url, NARROW);
    const { page } = ada;
    const open = (hash: string) => page.evaluate((it) => location.assign(it), hash);
    expect(await smallTargets(ada), 'sign-in').toEqual([]);
    await ada.signIn('Ada');
    await ada.connected();
    await page.locator('#composer:enabled').fill('Something');
    expect(await smallTargets(ada), 'lobby').toEqual([]);
    for (const name of ['Rooms and people', 'Developer panel']) {
      await page.getByRole('button', { name }).click();
      await page.getByRole('dialog', { name }).waitFor();
      expect(await smallTargets(ada), name).toEqual([]);
      await page.keyboard.press('Escape');
    }
    await open('#/room/vault');
    await page.getByRole('button', { name: 'Join Vault' }).waitFor();
    expect(await smallTargets(ada), 'vault').toEqual([]);
    await page.getByRole('button', { name: 'Join Vault' }).click();
    await page.getByRole('button', { name: 'Ask again' }).waitFor();
    expect(await smallTargets(ada), 'refused').toEqual([]);
    await open('#/person/Nobody');
    await ada.heading.filter({ hasText: 'Nobody' }).waitFor();
    await ada.say('Hello?');
    await ada.said('Hello?').getByText('Not sent').waitFor();
    await own.operate('/broadcast', { text: 'A notice.' });
    await page.getByRole('button', { name: 'Dismiss' }).waitFor();
    expect(await smallTargets(ada), 'not sent').toEqual([]);
    own.program.kill();
    await page.getByRole('button', { name: 'Try now' }).waitFor();
    expect(await smallTargets(ada), 'away').toEqual([]);
  });

  it('shows the whole status beside its button, however narrow it is', async () => {
    const ada = await ChatWindow.enter(context, chat.url, 'Ada of the narrow window', { width: 320, height: 568 });
    await ada.page.route('**/api/token', (route) => route.fulfill({ json: { token: 'wrong' } }));
    await ada.page.getByRole('button', { name: 'Developer panel' }).click();
    await ada.page.getByRole('button', { name: 'Cut the connection' }).click();
    await ada.page.keyboard.press('Escape');
    await ada.state('Signed out');
    const words = ada.page.locator('.state .words');
    expect(await words.evaluate((it) => it.scrollWidth - it.clientWidth)).toBe(0);
    expect(await sticksOut(ada)).toEqual([]);
  });
});

describe('a window of 900 pixels', () => {
  it('shows the developer panel in a drawer, so that the conversation keeps its width', async () => {
    const ada = await ChatWindow.enter(context, chat.url, 'Ada of 900 pixels', { width: 900 });
    await ada.page.getByRole('button', { name: 'Developer panel' }).click();
    await ada.page.getByRole('dialog', { name: 'Developer panel' }).waitFor();
    expect((await ada.page.getByRole('main').boundingBox())?.width).toBeGreaterThan(500);
    expect(ada.problems).toEqual([]);
  });
});

describe('the sign-in form', () => {
  it('does not move when it shows a message', async () => {
    for (const size of [WIDE, NARROW]) {
      const window = await ChatWindow.open(context, chat.url, size);
      const button = window.page.getByRole('button', { name: 'Sign in' });
      const before = await button.boundingBox();
      await window.signIn('<>');
      await window.page.getByText('Enter a name').waitFor();
      expect(await button.boundingBox(), `${size.width}`).toEqual(before);
    }
  });

  it('says that it needs JavaScript, where there is none', async () => {
    const profile = await context.browser()?.newContext({ javaScriptEnabled: false });
    const page = await profile?.newPage();
    await page?.goto(chat.url);
    expect((await page?.locator('.no-script').boundingBox())?.y).toBeLessThan(100);
    await profile?.close();
  });
});

describe('focus rings', () => {
  it('do not cover other elements, in a wide and in a narrow window', { timeout: 60_000 }, async () => {
    const own = await startChat();
    await ChatClient.enter(own.url, 'Grace', 'lobby');
    const ada = await ChatWindow.enter(context, own.url, 'Ada');
    const drawers = ['Rooms and people', 'Developer panel'];
    await ada.entry('Grace online').waitFor();
    for (const size of [WIDE, NARROW]) {
      await ada.look(size);
      await ada.page.locator('#composer').fill('Something');
      expect(await ringCollisions(ada), `${size.width}`).toEqual([]);
      await ada.page.locator('#composer').fill('');
      for (const name of size === NARROW ? drawers : []) {
        await ada.page.getByRole('button', { name }).click();
        await ada.page.getByRole('dialog', { name }).waitFor();
        expect(await ringCollisions(ada), name).toEqual([]);
        await ada.page.keyboard.press('Escape');
        await ada.page.getByRole('dialog', { name }).waitFor({ state: 'hidden' });
      }
    }
    await ada.page.evaluate(() => {
      location.hash = '#/room/garden';
    });
    await ada.page.getByRole('button', { name: 'Join Garden' }).waitFor();
    expect(await ringCollisions(ada), 'garden').toEqual([]);
    own.program.kill();
    await ada.state('Reconnecting');
    expect(await ringCollisions(ada), 'away').toEqual([]);
  });
});

describe('content that does not fit, in a wide and in a narrow window', () => {
  /** The same window, rendered again for each width. */
  async function inEachWidth(ada: ChatWindow, check: (size: typeof WIDE) => Promise<void>): Promise<void> {
    await check(WIDE);
    await ada.look(NARROW);
    await ada.page.reload();
    await ada.connected();
    await check(NARROW);
    expect(ada.problems).toEqual([]);
  }

  it('wraps long words and texts, and shortens long names', async () => {
    const grace = await ChatClient.enter(chat.url, 'M'.repeat(24), 'workshop');
    const ada = await ChatWindow.enter(context, chat.url, 'W'.repeat(24));
    await ada.join('Workshop');
    grace.socket.emit('say', { echo: 'long', room: 'workshop', text: 'z'.repeat(500) });
    await inEachWidth(ada, async ({ width }) => {
      await ada.reads('zzz');
      const text = `${width}`.padEnd(1_900, 'x');
      await ada.say(text);
      await ada.reads(text);
      await ada.page.locator('#composer').fill('y'.repeat(2_003));
      await ada.page.getByText('3 characters too many').waitFor();
      const send = ada.page.getByRole('button', { name: 'Send' });
      expect(await send.isDisabled()).toBe(true);
      const [field, button] = await Promise.all([ada.page.locator('#composer').boundingBox(), send.boundingBox()]);
      expect((field?.x ?? 0) + (field?.width ?? 0)).toBeLessThanOrEqual(button?.x ?? 0);
      expect(await sticksOut(ada), `${width}`).toEqual([]);
      expect(await ada.page.getByRole('log').evaluate((it) => it.scrollWidth - it.clientWidth)).toBe(0);
    });
  });

  it('lists, counts and finds 200 people', { timeout: 60_000 }, async () => {
    const crowded = await startChat();
    const ada = await ChatWindow.enter(context, crowded.url, 'Ada');
    const names = Array.from({ length: 200 }, (_, index) => `Person ${index + 1}`);
    await ChatClient.crowd(crowded.url, names, 'lobby');
    await inEachWidth(ada, async (size) => {
      await ada.page.getByText('201 here').waitFor();
      if (size === NARROW) await ada.page.getByRole('button', { name: 'Rooms and people' }).click();
      await ada.entry('Person 200 online').waitFor();
      expect(await sticksOut(ada), `${size.width}`).toEqual([]);
      await ada.page.getByLabel('Find a person').fill('son 142');
      await ada.entry('Person 200 online').waitFor({ state: 'detached' });
      await ada.entry('Person 142 online').click();
      await ada.heading.filter({ hasText: 'Person 142' }).waitFor();
      // The start of the next width.
      await ada.page.evaluate(() => {
        location.hash = '#/room/lobby';
      });
    });
  });
});

describe('axe', () => {
  const LOOKS = [WIDE, NARROW].flatMap((size) => (['light', 'dark'] as const).map((scheme) => ({ ...size, scheme })));

  async function expectNothingFound(window: ChatWindow, looks: readonly Look[] = LOOKS): Promise<void> {
    for (const look of looks) {
      await window.look(look);
      // Elements are half transparent while they slide in or change their color.
      await window.still();
      expect(await window.violations(), JSON.stringify(look)).toEqual([]);
    }
  }

  it('finds no violation in any state of the page, wide and narrow, light and dark', {
    timeout: 60_000,
  }, async () => {
    const own = await startChat();
    const grace = await ChatClient.enter(own.url, 'Grace', 'lobby');
    const ada = await ChatWindow.open(context, own.url, { motion: true });
    await expectNothingFound(ada);
    await ada.signIn('Ada');
    await ada.connected();
    grace.socket.emit('say', { echo: 'one', room: 'lobby', text: 'One of Grace' });
    await ada.reads('One of Grace');
    await ada.say('One of Ada');
    await ada.reads('One of Ada');
    await own.operate('/broadcast', { text: 'A notice.' });
    await ada.page.getByText('A notice.').waitFor();
    await expectNothingFound(ada);
    await ada.page.getByRole('button', { name: 'Rooms and people' }).click();
    await ada.page.getByRole('dialog').waitFor();
    await expectNothingFound(
      ada,
      LOOKS.filter(({ width }) => width === NARROW.width),
    );
    await ada.page.keyboard.press('Escape');
    await ada.page.getByRole('button', { name: 'Developer panel' }).click();
    await ada.page.getByRole('dialog', { name: 'Developer panel' }).waitFor();
    await expectNothingFound(ada);
    await ada.page.keyboard.press('Escape');
    await ada.page.getByRole('dialog', { name: 'Developer panel' }).waitFor({ state: 'hidden' });
    await ada.page.getByRole('button', { name: 'Rooms and people' }).click();
    await ada.entry('Vault').click();
    await ada.page.getByRole('button', { name: 'Join Vault' }).click();
    await ada.page.getByText('This room is not open to you.').waitFor();
    await expectNothingFound(ada);
    await ada.page.evaluate(() => {
      location.hash = '#/person/Nobody';
    });
    await ada.heading.filter({ hasText: 'Nobody' }).waitFor();
    await ada.say('Hello?');
    await ada.said('Hello?').getByText('Not sent').waitFor();
    own.program.kill();
    await ada.state('Reconnecting');
    await ada.say('And now?');
    await ada.said('And now?').getByText('Waiting…').waitFor();
    await expectNothingFound(ada);
    expect(ada.problems).toEqual([]);
  });
});
