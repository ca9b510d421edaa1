import { existsSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { type BrowserContext, chromium } from 'playwright-core';
import { defer } from './cleanup.js';

/** No sandbox, because tests run as root. No background network access. Windows of one site share a process. */
const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--process-per-site',
];

export interface BrowserOptions {
  /** Whether the browser keeps left pages frozen and restores them on going back. Default: false, as in Playwright. */
  backForwardCache?: boolean;
}

/** A separate Chromium with an empty profile; closed with the test, or with the file if called outside of a test. */
export async function startBrowser({ backForwardCache = false }: BrowserOptions = {}): Promise<BrowserContext> {
  const executablePath = process.env.CHROMIUM_PATH ?? '/usr/bin/chromium';
  if (!existsSync(executablePath)) {
    throw new Error(`no Chromium at ${executablePath}: install it, or set CHROMIUM_PATH`);
  }
  const browser = await chromium.launch({
    executablePath,
    args: FLAGS,
    headless: true,
    ...(backForwardCache && { ignoreDefaultArgs: ['--disable-back-forward-cache'] }),
  });
  defer(() => browser.close());
  return browser.newContext();
}

/** Another empty profile in the same Chromium, with its own clock, network and storage. */
export async function anotherProfile(context: BrowserContext): Promise<BrowserContext> {
  const browser = context.browser();
  if (browser === null) throw new Error('this profile belongs to no browser');
  const other = await browser.newContext();
  defer(() => other.close());
  return other;
}

export interface BundleOptions {
  /** Replaces `process.env.NODE_ENV`, which some libraries read to choose their code. Unchanged by default. */
  readonly nodeEnv?: 'development' | 'production';
}

/** The code for a browser: the module and all its imports in one minified file. */
export async function bundleForBrowser(entry: string | URL, { nodeEnv }: BundleOptions = {}): Promise<string> {
  // Imported here, so that test files without a bundle don't pay for loading the bundler.
  const { build } = await import('vite');
  const built = await build({
    configFile: false,
    logLevel: 'error',
    ...(nodeEnv !== undefined && { define: { 'process.env.NODE_ENV': JSON.stringify(nodeEnv) } }),
    build: {
      write: false,
      lib: { entry: entry instanceof URL ? fileURLToPath(entry) : entry, formats: ['es'] },
    },
  });
  const [output] = Array.isArray(built) ? built : [built];
  if (output === undefined || !('output' in output)) throw new Error('the bundler is in watch mode');
  const [chunk, ...others] = output.output;
  if (others.length > 0) throw new Error('expected a bundle of one file');
  return chunk.code;
}

/** Serves an empty page at `/` that loads `script` as a module; resolves to its address. */
export async function servePage(script: string): Promise<string> {
  const http = createServer((request, response) => {
    const isScript = request.url === '/page.js';
    response.writeHead(200, { 'content-type': isScript ? 'text/javascript' : 'text/html; charset=utf-8' });
    response.end(
      isScript
        ? script
        : '<!doctype html><link rel="icon" href="data:,"><script type="module" src="/page.js"></script>',
    );
  });
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  defer(() => {
    http.closeAllConnections();
    http.close();
  });
  return `http://127.0.0.1:${(http.address() as AddressInfo).port}/`;
}
