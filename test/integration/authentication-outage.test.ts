// npm test: node, bun
// npm run test:matrix: newest-node
import { describe, expect, it } from 'vitest';
import type { Report } from '../../src/server/reports.js';
import { createHelper } from '../support/client.js';
import { eventually } from '../support/facts.js';
import { connect, startServer, type TestOptions } from '../support/server.js';

const CLIENTS = 300;
const OPTIONS = { path: '/socket.io', transports: ['websocket'], auth: { token: 'good' } };

async function start(options: TestOptions) {
  const reports: Report[] = [];
  const started = await startServer({ onReport: (report: Report) => reports.push(report), ...options });
  return { ...started, reports, of: (type: Report['type']) => reports.filter((report) => report.type === type) };
}

type Started = Awaited<ReturnType<typeof start>>;

/** A plain client that asks to be authenticated. `asked` resolves once it has. */
function ask(url: string) {
  const client = connect(url, { auth: { token: 'good' }, reconnection: false });
  client.socket.on('connect', () => client.socket.emit('authenticate'));
  return client;
}

describe(`${CLIENTS} clients whose authenticateFn throws`, () => {
  it('make at most 100 calls in any second, and are all authenticated after it works again', async () => {
    const calls: number[] = [];
    let works = false;
    const { url, helper, reports, of, log } = await start({
      authenticateFn: async () => {
        calls.push(performance.now());
        await new Promise(setImmediate);
        if (works) return true;
        throw new Error('the database is down');
      },
    });
    const clients = Array.from({ length: CLIENTS }, () =>
      createHelper(url, { autoAuthenticate: true, options: OPTIONS }),
    );
    const turnedAway = (): number => of('client_refused').length - of('authenticate_fn_failed').length;
    await eventually(() => turnedAway() > CLIENTS, { timeout: 90_000 });
    expect(
      Math.max(...calls.map((at) => calls.filter((other) => other >= at && other < at + 1_000).length)),
    ).toBeLessThanOrEqual(100);
    for (const { helper } of clients) expect(helper.getStatus()).not.toMatchObject({ status: 'refused' });
    works = true;
    await Promise.all(clients.map((client) => client.helper.waitFor('authenticated', { timeout: 60_000 })));
    expect(helper.getClients().size).toBe(CLIENTS);
    await eventually(() => of('authentication_outage_ended').length === 1);
    expect(of('authentication_outage_began')).toEqual([{ type: 'authentication_outage_began', failed: 20 }]);
    expect(log.loud.filter((line) => line.includes('times in a row'))).toHaveLength(1);
    expect(reports).toContainEqual(
      expect.objectContaining({ type: 'authentication_outage_ended', failed: expect.any(Number) }),
    );
  }, 180_000);
});

/** So many clients have asked, and have no answer. */
function haveAsked(helper: Started['helper'], count: number): Promise<unknown> {
  const asking = () => [...helper.getClients().values()].filter(({ state }) => state === 'authenticating');
  return eventually(() => asking().length === count);
}

describe('a client that waits for its turn', () => {
  it('gets "unavailable", not "timeout", if its deadline passes', async () => {
    const { url, helper, of, log } = await start({
      authenticateFn: () => new Promise(() => {}),
      authenticateTimeout: 1_000,
      limits: { authenticationsInFlight: 1 },
    });
    const asked = ask(url);
    await haveAsked(helper, 1);
    const waiting = ask(url);
    expect(await waiting.heardOf('unauthenticated')).toMatchObject({ code: 'unavailable', after: 1_000 });
    expect(await waiting.heardOf('disconnect')).toMatch(/^transport/);
    expect(await asked.heardOf('unauthenticated')).toMatchObject({ code: 'timeout' });
    expect(of('limit_reached')).toEqual([
      { type: 'limit_reached', client: expect.any(String), limit: 'authentications_in_flight' },
    ]);
    expect(log.loud.join()).not.toContain('limit');
  });

  it('gets "unavailable" if its call began too late to end before the deadline', async () => {
    let calls = 0;
    let answer: ((accepted: boolean) => void) | undefined;
    const { url, helper } = await start({
      authenticateFn: () => {
        calls += 1;
        return new Promise<boolean>((resolve) => {
          answer = resolve;
        });
      },
      authenticateTimeout: 2_000,
      limits: { authenticationsInFlight: 1 },
    });
    const first = ask(url);
    await eventually(() => calls === 1);
    const second = ask(url);
    await haveAsked(helper, 2);
    const third = ask(url);
    await haveAsked(helper, 3);
    answer?.(true);
    await first.heardOf('authenticated');
    await eventually(() => calls === 2);
    for (const late of [second, third]) {
      expect(await late.heardOf('unauthenticated')).toMatchObject({ code: 'unavailable' });
    }
  });

  it('is never asked about once it has left', async () => {
    const asked: unknown[] = [];
    let answer: ((accepted: boolean) => void) | undefined;
    const { url, helper } = await start({
      authenticateFn: ({ auth }) => {
        asked.push(auth.name);
        if (asked.length > 1) return true;
        return new Promise<boolean>((resolve) => {
          answer = resolve;
        });
      },
      limits: { authenticationsInFlight: 1 },
    });
    const named = async (name: string) => {
      const client = connect(url, { auth: { name }, reconnection: false });
      client.socket.on('connect', () => client.socket.emit('authenticate'));
      await eventually(() =>
        [...helper.getClients().values()].some(
          ({ socket, state }) => socket.handshake.auth.name === name && state === 'authenticating',
        ),
      );
      return client;
    };
    const first = await named('first');
    const leaving = await named('leaving');
    const last = await named('last');
    leaving.socket.disconnect();
    await eventually(() => helper.getClients().size === 2);
    answer?.(true);
    await Promise.all([first.heardOf('authenticated'), last.heardOf('authenticated')]);
    expect(asked).toEqual(['first', 'last']);
  });
});

it('a client whose fault makes authenticateFn throw turns nobody else away behind a proxy that is named', async () => {
  const { url, of } = await start({
    trustedHops: 1,
    authenticateFn: ({ auth }) => {
      if (auth.token === 'good') return true;
      throw new Error('this token breaks the parser');
    },
  });
  const askFrom = (address: string, token: string) => {
    const extraHeaders = { 'X-Forwarded-For': address };
    const client = connect(url, { auth: { token }, reconnection: false, transports: ['websocket'], extraHeaders });
    client.socket.on('connect', () => client.socket.emit('authenticate'));
    return client;
  };
  const flood = async (times: number): Promise<void> => {
    const clients = Array.from({ length: times }, () => askFrom('203.0.113.7', 'bad'));
    await Promise.all(clients.map((client) => client.heardOf('unauthenticated')));
  };
  await flood(20);
  const began = performance.now();
  expect(of('authentication_outage_began')).toHaveLength(1);
  // Ten clients a second are tried, and none in the first tenth. The flood takes all that it may until then.
  do await flood(40);
  while (performance.now() - began < 1_000);
  const others = Array.from({ length: 5 }, (_, n) => askFrom(`203.0.113.${n + 10}`, 'good'));
  const answers = await Promise.all(
    others.map(({ heard }) =>
      eventually(() => heard.map(([topic]) => topic).find((topic) => topic.endsWith('authenticated')) ?? false),
    ),
  );
  expect(answers).toEqual(others.map(() => 'authenticated'));
});
