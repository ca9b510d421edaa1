import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import type { BrowserContext, Locator, Page } from 'playwright-core';
import { SOCKET_PATH } from '../../examples/chat/words.js';
import { defer } from './cleanup.js';
import { eventually } from './facts.js';

const AXE = createRequire(import.meta.url).resolve('axe-core/axe.min.js');
const PATIENCE_MS = 15_000;

/**
 * Console messages of the browser itself about an unreachable server. Tests look at the page's own behavior instead.
 */
const NETWORK = /net::ERR_|WebSocket connection to/;
const REFUSED = 'status of 400';
/** Separates the packets of an Engine.IO payload. */
const SEPARATOR = '\x1e';
const CLOSE = '1';

/** Size and color scheme of a window. */
export interface Look {
  width?: number;
  height?: number;
  scheme?: 'light' | 'dark';
}

export interface WindowOptions extends Look {
  /** Whether animations run. They cost a lot of CPU; false by default. */
  motion?: boolean;
  /** Installs a clock for the whole profile, which the test can advance. Use a separate profile. */
  clock?: boolean;
}

/** One window of the chat, as its user sees it. */
export class ChatWindow {
  readonly page: Page;
  /** Unexpected console messages. */
  readonly problems: string[] = [];
  /** The connections that the page itself closed. */
  readonly #ended = new Set<string | null>();

  private constructor(page: Page) {
    this.page = page;
    page.setDefaultTimeout(PATIENCE_MS);
    page.on('pageerror', (error) => this.problems.push(String(error)));
    page.on('console', (message) => {
      const isProblem = message.type() === 'error' || message.type() === 'warning';
      const { url } = message.location();
      if (!isProblem || NETWORK.test(message.text())) return;
      if (message.text().includes(REFUSED) && (isLook(url) || this.#isBehindItsEnd(url))) return;
      this.problems.push(`${message.text()} ${url}`);
    });
    page.on('request', (request) => {
      if (request.postData()?.split(SEPARATOR).includes(CLOSE)) this.#ended.add(sessionOf(request.url()));
    });
  }

  /**
   * During the upgrade to WebSocket, engine.io-client closes a connection and polls again at once; the requests can
   * arrive in any order.
   */
  #isBehindItsEnd(url: string): boolean {
    const session = sessionOf(url);
    return session !== null && this.#ended.has(session);
  }

  static async open(context: BrowserContext, url: string, options: WindowOptions = {}): Promise<ChatWindow> {
    const { motion = false, clock = false, ...look } = options;
    const page = await context.newPage();
    defer(() => page.close());
    await page.emulateMedia({ reducedMotion: motion ? 'no-preference' : 'reduce' });
    if (clock) await page.clock.install();
    const window = new ChatWindow(page);
    await window.look(look);
    await page.goto(url);
    return window;
  }

  /** Resizes the window and sets its color scheme. */
  async look({ width = 1280, height = 800, scheme = 'light' }: Look): Promise<void> {
    await this.page.setViewportSize({ width, height });
    await this.page.emulateMedia({ colorScheme: scheme });
  }

  /** Resolves when all finite animations have ended. */
  async still(): Promise<void> {
    const isStill = (): boolean =>
      document
        .getAnimations()
        .every((it) => it.playState === 'finished' || it.effect?.getTiming().iterations === Infinity);
    await eventually(() => this.page.evaluate(isStill), { what: 'a page without running animations' });
  }

  /** Opens a window and signs in; resolves once it can write in the lobby. */
  static async enter(
    context: BrowserContext,
    url: string,
    name: string,
    options: WindowOptions = {},
  ): Promise<ChatWindow> {
    const window = await ChatWindow.open(context, url, options);
    await window.signIn(name);
    await window.connected();
    await window.page.locator('#composer:enabled').waitFor();
    return window;
  }

  async signIn(name: string): Promise<void> {
    await this.page.getByLabel('Your name').fill(name);
    await this.page.getByRole('button', { name: 'Sign in', exact: true }).click();
  }

  get heading(): Locator {
    return this.page.getByRole('heading', { level: 1 });
  }

  /** The list entry of a room or a person. */
  entry(name: string | RegExp): Locator {
    return this.page.getByRole('navigation', { name: 'Conversations' }).getByRole('link', { name });
  }

  /** Resolves once the page shows this connection status. */
  async state(words: string, timeout = PATIENCE_MS): Promise<void> {
    await this.page.locator('.top').getByRole('status').getByText(words, { exact: true }).waitFor({ timeout });
  }

  /** Waits longer: after an outage the page may be in a long reconnect delay. */
  async connected(): Promise<void> {
    await this.state('Connected', 25_000);
  }

  /** Opens a room that this window has not joined, and joins it. */
  async join(room: string): Promise<void> {
    await this.show(room);
    await this.page.getByRole('button', { name: `Join ${room}` }).click();
    await this.page.locator('#composer:enabled').waitFor();
  }

  /** Opens a conversation by its list entry; resolves once it is the open one. */
  async show(name: string): Promise<void> {
    await this.entry(new RegExp(`^#? ?${name}`)).click();
    await this.heading.filter({ hasText: name }).waitFor();
  }

  async say(text: string): Promise<void> {
    await this.page.locator('#composer').fill(text);
    await this.page.locator('#composer').press('Enter');
  }

  /** A message in the open conversation, with its delivery status. */
  said(text: string): Locator {
    return this.page.getByRole('log').locator('.said').filter({ hasText: text });
  }

  /** Resolves once the page shows the message exactly once, as sent. */
  async reads(text: string): Promise<void> {
    const what = `"${text}" is read once`;
    await eventually(
      async () => {
        const classes = await this.said(text).evaluateAll((all) => all.map((it) => it.className));
        if (classes.length !== 1 || classes[0] !== 'said sent') throw new Error(JSON.stringify(classes));
      },
      { what, timeout: PATIENCE_MS },
    );
  }

  /** All messages of the open conversation, in page order. */
  async texts(): Promise<string[]> {
    return this.page.getByRole('log').locator('.text').allInnerTexts();
  }

  /** axe's violations on the current page: rule and element of each. */
  async violations(): Promise<string[]> {
    if (!(await this.page.evaluate(() => 'axe' in window))) await this.page.evaluate(await readFile(AXE, 'utf8'));
    // Run in the page, where `axe` is a global.
    return this.page.evaluate(`axe.run(document).then(({ violations }) =>
      violations.flatMap(({ id, nodes }) => nodes.map((node) => id + ': ' + node.html + ' ' + node.failureSummary)))`);
  }
}

/**
 * A client whose connection failed looks whether its server answers at all. The server answers 400, because this is no request of
 * Engine.IO.
 */
function isLook(url: string): boolean {
  return URL.canParse(url) && new URL(url).pathname === `${SOCKET_PATH}/` && new URL(url).search === '';
}

/** The Engine.IO connection of a request. */
function sessionOf(url: string): string | null {
  return URL.canParse(url) ? new URL(url).searchParams.get('sid') : null;
}
