// npm test: node
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { bundleForBrowser, servePage, startBrowser } from '../../support/browser.js';
import { type PastedProject, pasteProject } from '../../support/document.js';
import { eventually, unusedPort } from '../../support/facts.js';
import { type RunningProxy, startProxy } from '../../support/tcp-proxy.js';

const SLOW = { timeout: 20_000 };

let project: PastedProject;
let proxy: RunningProxy;
let address: string;

beforeAll(async () => {
  project = await pasteProject('docs/recipes/react.md');
  const port = await unusedPort();
  proxy = await startProxy({ target: port });
  const source = await readFile(join(project.folder, 'client.ts'), 'utf8');
  await writeFile(
    join(project.folder, 'client.ts'),
    source.replace('http://localhost:3000', `http://127.0.0.1:${proxy.port}`),
  );
  // React's development build, which runs each effect twice in StrictMode.
  const script = await bundleForBrowser(join(project.folder, 'main.tsx'), { nodeEnv: 'development' });
  address = await servePage(`document.body.innerHTML = '<div id="root"></div>';\n${script}`);
  const env = { PORT: `${port}`, APP_ORIGIN: new URL(address).origin };
  const server = await project.start('server.ts', { env });
  expect(await server.messages.next(undefined, SLOW)).toBe('listening');
});

const linesOf = (page: Page): Promise<string[]> => page.locator('li').allTextContents();

async function showsStatus(page: Page, words: string): Promise<void> {
  await eventually(async () => (await page.locator('[role=status]').textContent()) === words, { what: words, ...SLOW });
}

async function say(page: Page, text: string): Promise<void> {
  await page.getByLabel('Message').fill(text);
  await page.getByRole('button', { name: 'Send' }).click();
}

async function showsLines(page: Page, lines: readonly string[]): Promise<void> {
  await eventually(async () => expect(await linesOf(page)).toEqual(lines), SLOW);
}

describe('docs/recipes/react.md', () => {
  it('has programs that compile unchanged', () => {
    expect(project.compiled).toBe('');
  });

  it('shows the status, and each message once in each page, in StrictMode and across a reconnect', async () => {
    const browser = await startBrowser();
    const [one, two] = [await browser.newPage(), await browser.newPage()];
    const errors: unknown[] = [];
    for (const page of [one, two]) {
      page.on('pageerror', (error) => errors.push(error));
      await page.goto(address);
      await showsStatus(page, 'Connected');
    }
    await say(one, 'from one');
    for (const page of [one, two]) await showsLines(page, ['from one']);
    await say(two, 'from two');
    for (const page of [one, two]) await showsLines(page, ['from one', 'from two']);

    await proxy.refuse();
    proxy.cut();
    for (const page of [one, two]) await showsStatus(page, 'Connection lost. Trying again …');
    await say(one, 'while away');
    await proxy.accept();
    await showsLines(one, ['from one', 'from two', 'while away']);
    for (const page of [one, two]) await showsStatus(page, 'Connected');
    await say(two, 'after');
    await eventually(async () => (await linesOf(one)).at(-1) === 'after', SLOW);
    expect(await linesOf(one)).toEqual(['from one', 'from two', 'while away', 'after']);
    expect(errors).toEqual([]);
  });
});
