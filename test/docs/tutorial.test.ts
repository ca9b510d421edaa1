// npm test: node
import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { BrowserContext, Page } from 'playwright-core';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ANSWER_ERRORS } from '../../src/protocol/errors.js';
import { startBrowser } from '../support/browser.js';
import { defer } from '../support/cleanup.js';
import { type CodeBlock, codeBlocksOf, type PastedProject, PROJECT, pasteProject } from '../support/document.js';
import { eventually, unusedPort } from '../support/facts.js';
import { type Program, startProgram } from '../support/process.js';
import { startRedis } from '../support/redis.js';

const run = promisify(execFile);
const PAPER = 'docs/tutorial.md';
/** A busy machine starts programs slowly. */
const SLOW = { timeout: 20_000 };
const REFUSED = 'You could not be authenticated. Please sign in again.';

let blocks: readonly CodeBlock[];
let project: PastedProject;
let port: number;

beforeAll(async () => {
  blocks = await codeBlocksOf(PAPER);
  project = await pasteProject(PAPER);
});

beforeEach(async () => {
  port = await unusedPort();
});

interface Start {
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

let started = 0;

/** Starts a program of the tutorial with this test's port instead of 3000, from a new file, because the old file may be in use. */
async function start(name: string, options: Start = {}): Promise<Program> {
  const built = join(project.folder, 'out', `${name}.js`);
  started += 1;
  const file = join(project.folder, 'out', `${name}.run-${started}.js`);
  await writeFile(file, (await readFile(built, 'utf8')).replaceAll('3000', `${port}`));
  return startProgram(file, { cwd: project.folder, ...options });
}

async function startServer(step: number, env: Readonly<Record<string, string>> = {}): Promise<Program> {
  const server = await start(`step-${step}/server`, { env });
  await server.messages.next((line) => line === `chat on http://localhost:${env.PORT ?? port}`, SLOW);
  return server;
}

/** `person` are the arguments of the program: `ann apple`. */
function startClient(step: number, person = ''): Promise<Program> {
  return start(`step-${step}/client`, { args: person === '' ? [] : person.split(' ') });
}

/** Stops the server like Ctrl-C. */
async function endInOrder(server: Program): Promise<void> {
  server.kill('SIGINT');
  expect(await server.ended(10_000)).toEqual({ code: 0, signal: null });
  expect(server.stderr).toBe('');
}

/** The output of a program in the tutorial: the block that begins with `start`. */
function shown(start: string): readonly string[] {
  const block = blocks.find(({ language, code }) => language === 'text' && code.startsWith(start));
  return block?.code.trimEnd().split('\n') ?? [];
}

async function printed(program: Program, count: number): Promise<readonly unknown[]> {
  const lines: unknown[] = [];
  while (lines.length < count) lines.push(await program.messages.next(undefined, SLOW));
  return lines;
}

describe('the programs of the tutorial', () => {
  it('compile with the settings of the tutorial and with strict ones', async () => {
    const tsconfig = blocks.find(({ name }) => name === 'tsconfig.json');
    expect(await readFile(join(project.folder, 'tsconfig.json'), 'utf8')).toBe(tsconfig?.code);
    expect(project.compiled).toBe('');
  });

  it('step 1: the server refuses the client and sends the reason', async () => {
    const server = await startServer(1);
    const client = await startClient(1);
    const expected = shown('connected\nauthenticating\nrefused');
    expect(await client.ended(SLOW.timeout)).toEqual({ code: 0, signal: null });
    expect(client.messages.all).toEqual(expected);
    expect(expected.at(-1)).toBe(`refused: ${REFUSED}`);
    await endInOrder(server);
  });

  it('step 2: the server accepts the right password and refuses a wrong one', async () => {
    const server = await startServer(2);
    const ann = await startClient(2, 'ann apple');
    expect(await printed(ann, 3)).toEqual(['connected', 'authenticating', 'authenticated']);
    expect(await server.messages.next(undefined, SLOW)).toBe('ann is here');
    const stranger = await startClient(2, 'ann wrong');
    expect(await stranger.ended(SLOW.timeout)).toEqual({ code: 0, signal: null });
    expect(stranger.messages.all).toEqual(['connected', 'authenticating', `refused: ${REFUSED}`]);
    await endInOrder(server);
  });

  it('step 3: a refused room has a reason', async () => {
    const server = await startServer(3);
    const expected = {
      'ann apple': shown("joined: [ 'lobby', 'kitchen' ]"),
      'bob banana': shown("joined: [ 'lobby' ]"),
    };
    for (const [person, lines] of Object.entries(expected)) {
      const client = await startClient(3, person);
      expect(await client.ended(SLOW.timeout)).toEqual({ code: 0, signal: null });
      expect(client.messages.all).toEqual(lines);
    }
    expect(expected['bob banana']).toHaveLength(2);
    const stranger = await startClient(3, 'bob wrong');
    expect(await stranger.ended(SLOW.timeout)).toMatchObject({ code: 1 });
    expect(stranger.stderr).toContain(REFUSED);
    await endInOrder(server);
  });

  it('step 4: messages reach both clients, and a later client gets the history', async () => {
    const server = await startServer(4);
    const ann = await startClient(4, 'ann apple');
    const bob = await startClient(4, 'bob banana');
    const expected = shown('ann: Hello\n');
    // The test sends JSON, so the text has quotes.
    const isLine = (index: number) => (line: unknown) => line === expected[index]?.replace(/: (.*)/, ': "$1"');
    for (const [index, client] of [ann, bob].entries()) {
      client.send(expected[index]?.replace(/.*: /, ''));
      for (const other of [ann, bob]) await other.messages.next(isLine(index), SLOW);
    }
    expect([ann.messages.all.length, bob.messages.all.length]).toEqual([2, 2]);
    // Longer than the schema allows, which is answered as an empty line is.
    ann.send('x'.repeat(500));
    const [invalid] = shown('invalid: ');
    expect(invalid).toBe(`invalid: ${ANSWER_ERRORS.invalid.text}`);
    await ann.messages.next((line) => line === invalid, SLOW);
    expect(bob.messages.all.length).toBe(2);
    bob.kill('SIGINT');
    const again = await startClient(4, 'bob banana');
    for (const index of [0, 1]) await again.messages.next(isLine(index), SLOW);
    ann.endInput();
    expect(await ann.ended(SLOW.timeout)).toEqual({ code: 0, signal: null });
    await endInOrder(server);
  });
});

/** The step whose page is built. */
let built = 0;

/** Builds the page of this step like `npx vite build`. */
async function buildPage(step: number): Promise<void> {
  if (built === step) return;
  const html = blocks.find(({ name }) => name === 'index.html')?.code ?? '';
  const tag = `<script type="module" src="/step-${step}/page.ts"></script>`;
  expect(blocks.some(({ language, code }) => language === 'html' && code.includes(tag))).toBe(true);
  await writeFile(join(project.folder, 'index.html'), html.replace(/<script.*<\/script>/, tag));
  await run(process.execPath, [join(PROJECT, 'node_modules/vite/bin/vite.js'), 'build'], { cwd: project.folder });
  built = step;
}

interface Window {
  readonly page: Page;
  /** Uncaught errors of the page. */
  readonly errors: readonly Error[];
  status(wanted: RegExp | string): Promise<void>;
  lines(wanted: readonly string[]): Promise<void>;
  say(text: string): Promise<void>;
}

async function openWindow(context: BrowserContext, at: number, person: string): Promise<Window> {
  const page = await context.newPage();
  defer(() => page.close());
  const errors: Error[] = [];
  page.on('pageerror', (error) => errors.push(error));
  await page.goto(`http://localhost:${at}/`);
  const [name = '', password = ''] = person.split(' ');
  await page.fill('#sign-in [name=name]', name);
  await page.fill('#sign-in [name=password]', password);
  await page.click('#sign-in button');
  const items = page.locator('#messages li');
  return {
    ...{ page, errors },
    status: async (wanted) => {
      await eventually(async () => expect(await page.textContent('#status')).toMatch(wanted), SLOW);
    },
    lines: async (wanted) => {
      await eventually(async () => expect(await items.allTextContents()).toEqual(wanted), SLOW);
    },
    say: async (text) => {
      await page.fill('#say [name=text]', text);
      await page.click('#say button');
    },
  };
}

describe('the page of the tutorial, in Chromium', () => {
  let context: BrowserContext;
  beforeAll(async () => {
    context = await startBrowser();
  });

  it('step 5: two windows get each other’s messages, and the form stays after a wrong password', async () => {
    await buildPage(5);
    const server = await startServer(5);
    const ann = await openWindow(context, port, 'ann apple');
    const bob = await openWindow(context, port, 'bob banana');
    await ann.status('authenticated');
    await bob.status('authenticated');
    await ann.say('<b>Hello</b>');
    for (const window of [ann, bob]) await window.lines(['ann: <b>Hello</b>']);
    await bob.say('Hello Ann');
    for (const window of [ann, bob]) await window.lines(['ann: <b>Hello</b>', 'bob: Hello Ann']);
    const stranger = await openWindow(context, port, 'ann wrong');
    await stranger.status(REFUSED);
    expect(await stranger.page.isVisible('#sign-in')).toBe(true);
    expect(await stranger.page.isVisible('#say')).toBe(false);
    expect([...ann.errors, ...bob.errors, ...stranger.errors]).toEqual([]);
    await endInOrder(server);
  });

  it('step 6: queued messages are sent in order and once after a reconnect', async () => {
    await buildPage(6);
    const before = await startServer(5);
    const ann = await openWindow(context, port, 'ann apple');
    await ann.status('authenticated');
    // Also shows that the request for the history, which is sent before, does not wait in the queue.
    await ann.say('Hello');
    await ann.lines(['ann: Hello']);
    await endInOrder(before);
    await ann.status(/^The connection is lost\. The next attempt is at \d/);
    const texts = ['Are you there?', ...Array.from({ length: 19 }, (_, index) => `${index + 2}`)];
    await ann.say(texts[0] ?? '');
    await ann.lines(['ann: Hello', 'ann: Are you there? (on its way)']);
    for (const text of texts.slice(1)) await ann.say(text);
    await ann.lines(['ann: Hello', ...texts.map((text) => `ann: ${text} (on its way)`)]);
    expect(ann.errors).toEqual([]);
    await ann.say('one too many');
    const tooMany = 'ann: one too many (not sent: queue_full)';
    await ann.lines(['ann: Hello', ...texts.map((text) => `ann: ${text} (on its way)`), tooMany]);
    expect(ann.errors).toEqual([]);
    const after = await startServer(5);
    await ann.status('authenticated');
    await ann.lines(['ann: Hello', ...texts.map((text) => `ann: ${text}`), tooMany]);
    const bob = await openWindow(context, port, 'bob banana');
    await bob.lines(texts.map((text) => `ann: ${text}`));
    await endInOrder(after);
  });

  it('step 7: two processes share clients and rooms, and the history survives a restart', async () => {
    await buildPage(6);
    const redis = await startRedis();
    const ports = [await unusedPort(), await unusedPort()] as const;
    const startBoth = () =>
      Promise.all(ports.map((own) => startServer(7, { PORT: `${own}`, REDIS_PORT: `${redis.port}` })));
    const before = await startBoth();
    const ann = await openWindow(context, ports[0], 'ann apple');
    const bob = await openWindow(context, ports[1], 'bob banana');
    for (const window of [ann, bob]) await window.status('authenticated');
    await ann.say('Hello from the first');
    for (const window of [ann, bob]) await window.lines(['ann: Hello from the first']);
    await bob.say('Hello from the second');
    const both = ['ann: Hello from the first', 'bob: Hello from the second'];
    for (const window of [ann, bob]) await window.lines(both);
    for (const server of before) await endInOrder(server);
    await ann.status(/^The connection is lost/);
    const after = await startBoth();
    for (const window of [ann, bob]) await window.status('authenticated');
    const third = await openWindow(context, ports[1], 'ann apple');
    await third.lines(both);
    for (const server of after) await endInOrder(server);
    expect([...ann.errors, ...bob.errors, ...third.errors]).toEqual([]);
  });
});
