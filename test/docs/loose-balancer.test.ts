// npm test: node
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Fetch, type SocketOptions } from 'engine.io-client';
import type { BrowserContext } from 'playwright-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { SocketIOClientHelper } from '../../src/client/client-helper.js';
import { bundleForBrowser, servePage, startBrowser } from '../support/browser.js';
import { defer, track } from '../support/cleanup.js';
import { PROJECT } from '../support/document.js';
import { EventLog } from '../support/facts.js';
import { type Route, roundRobin, startLooseBalancer } from '../support/loose-balancer.js';
import { startServer } from '../support/server.js';

const UNKNOWN = '{"code":1,"message":"Session ID unknown"}';

const TEXT = expect.stringMatching(/has no such session \(HTTP 400\); with several instances, make .* sticky/);

type Failure = readonly [message: string, answer: string, text: string];

/** The messages in the row of docs/errors.md for this cause. */
let documented: string[];
let context: BrowserContext;

beforeAll(async () => {
  const page = await readFile(join(PROJECT, 'docs/errors.md'), 'utf8');
  const row = page.split('\n').find((line) => line.startsWith('| `… has no such session')) ?? '';
  documented = [...(row.split(' | ')[1] ?? '').matchAll(/`([^`]+)`/g)].map(([, message = '']) => message);
  context = await startBrowser();
});

/** Two instances behind one address. */
async function twoInstances(route: Route): Promise<string> {
  const options = { authenticateFn: () => true, serverOptions: { path: '/io', cors: { origin: '*' } } };
  const instances = [await startServer(options), await startServer(options)];
  return startLooseBalancer(
    instances.map(({ url }) => Number(new URL(url).port)),
    route,
  );
}

/** A client on Node.js, and the errors of its attempts. */
function attempt(host: string, transports: NonNullable<SocketOptions['transports']>): EventLog<Failure> {
  const failures = new EventLog<Failure>();
  const client = new SocketIOClientHelper({
    identifier: 'reader',
    host,
    options: { path: '/io', transports, reconnectionDelay: 10, reconnectionDelayMax: 20 },
    autoAuthenticate: true,
    logger: false,
    onAuthenticated: () => failures.push(['authenticated', '', '']),
    onError: (error) => {
      const { message, context: request } = error.cause as Error & { context?: { responseText?: string } };
      failures.push([message, request?.responseText ?? '', error.message]);
    },
  });
  track({ stop: () => client.shutdown() });
  return failures;
}

/** The same in Chromium, with the lines of its console. */
async function attemptInBrowser(host: string, transports: string[]): Promise<[EventLog<Failure>, EventLog<string>]> {
  const failures = new EventLog<Failure>();
  const lines = new EventLog<string>();
  const page = await context.newPage();
  defer(() => page.close());
  page.on('console', (message) => lines.push(message.text()));
  await page.exposeFunction('told', (...failure: Failure) => {
    if (failure[0] !== 'status') failures.push(failure);
  });
  await page.goto(await servePage(await bundleForBrowser(new URL('../browser/attempts-page.ts', import.meta.url))));
  await page.evaluate(([to, list]) => window.attempt(to, list), [host, transports] as const);
  return [failures, lines];
}

/** A session starts on the first instance; its requests with this method go to the second one. */
const astray =
  (method: string): Route =>
  ({ method: own, url = '' }) =>
    Number(own === method && url.includes('sid='));

describe('two instances behind a balancer without sticky sessions', () => {
  it.each([
    ['xhr post error', 'POST'],
    ['xhr poll error', 'GET'],
  ])('cause "%s" if a %s reaches the other instance, on Node.js and in a browser', async (message, method) => {
    const host = await twoInstances(astray(method));
    expect(await attempt(host, ['polling']).next()).toEqual([message, UNKNOWN, TEXT]);
    const [failures, lines] = await attemptInBrowser(host, ['polling']);
    expect(await failures.next()).toEqual([message, UNKNOWN, TEXT]);
    expect(await lines.next()).toContain('status of 400');
    expect(documented).toContain(message);
  });

  it.each([
    ['fetch write error', 'POST'],
    ['fetch read error', 'GET'],
  ])('cause "%s" if a %s reaches the other instance over Fetch', async (message, method) => {
    const host = await twoInstances(astray(method));
    expect(await attempt(host, [Fetch]).next()).toEqual([message, '', TEXT]);
    expect(documented).toContain(message);
  });

  it('cause no other error, and authenticate no client, if requests alternate', async () => {
    // One balancer for each client: if two clients shared one, a client could reach the right instance by chance.
    const [inBrowser] = await attemptInBrowser(await twoInstances(roundRobin(2)), ['polling', 'websocket']);
    const onNode = attempt(await twoInstances(roundRobin(2)), ['polling', 'websocket']);
    for (const failures of [onNode, inBrowser]) {
      for (let n = 0; n < 10; n += 1) {
        const [message, answer, text] = await failures.next();
        expect(text).toEqual(TEXT);
        expect(documented).toContain(message);
        expect(answer).toBe(UNKNOWN);
      }
    }
  });
});
