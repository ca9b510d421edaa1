// npm test: node, bun
// npm run test:matrix: node+redis, bun+redis, newest-node, newest-node+redis, oldest-bun, oldest-bun+redis
import { describe, expect, it } from 'vitest';
import { eventually, within } from '../support/facts.js';
import { rawPolling, rawWebSocket, type WebSocketPeer } from '../support/raw.js';
import { type Served, serve } from './program.js';

type Forwarded = string | string[];

const headersOf = (forwarded: Forwarded | undefined) =>
  forwarded === undefined ? {} : { headers: { 'X-Forwarded-For': forwarded } };

/** A client that is connected to `/`, and not authenticated. */
async function open(server: Served, forwarded?: Forwarded): Promise<WebSocketPeer> {
  const peer = await rawWebSocket(server.url, headersOf(forwarded));
  await peer.connect();
  return peer;
}

const clients = (server: Served) => server.run(({ helper }) => helper.getClients().size);
const warnings = (server: Served) =>
  server.run(({ lines }) => lines.filter((line) => line.includes('X-Forwarded-For') && line.startsWith('warn')));

/** Two clients for each address. */
const behind = (trustedHops: 0 | 1 | 2 | undefined): Promise<Served> => {
  if (trustedHops === 0)
    return serve({ options: () => ({ limits: { unauthenticatedPerAddress: 2 }, trustedHops: 0 }) });
  if (trustedHops === 1)
    return serve({ options: () => ({ limits: { unauthenticatedPerAddress: 2 }, trustedHops: 1 }) });
  if (trustedHops === 2)
    return serve({ options: () => ({ limits: { unauthenticatedPerAddress: 2 }, trustedHops: 2 }) });
  return serve({ options: () => ({ limits: { unauthenticatedPerAddress: 2 } }) });
};

describe('behind one proxy, with trustedHops: 1', () => {
  it.each<[how: string, headers: readonly Forwarded[]]>([
    ['invents entries', ['1.1.1.1, 8.8.4.4', '2.2.2.2,8.8.4.4', '3.3.3.3 ,, 8.8.4.4']],
    [
      'sends lines of its own',
      [
        ['1.1.1.1', '8.8.4.4'],
        ['2.2.2.2, 8.8.8.8', '8.8.4.4'],
        ['', '8.8.4.4'],
      ],
    ],
    ['sends a very long list', [`${'1.1.1.1,'.repeat(900)}8.8.4.4`, '8.8.4.4', `${','.repeat(4_000)}8.8.4.4`]],
    ['has several ports', ['8.8.4.4:1000', '8.8.4.4:2000', '::ffff:8.8.4.4']],
    ['has a network of IPv6', ['2001:4860:0:1::1', '2001:4860:0:1:ffff::2', '[2001:4860:0:1::3]:443']],
  ])('a client that %s is counted by the address that the proxy saw', async (_, headers) => {
    const server = await behind(1);
    const neighbor = await open(server, '8.8.4.5');
    const first = await open(server, headers[0]);
    const second = await open(server, headers[1]);
    const newest = await open(server, headers[2]);
    await within(first.closed, 'the end of the oldest');
    for (const each of [second, newest, neighbor]) await each.ping();
    expect(await warnings(server)).toEqual([]);
  });

  it('a client over HTTP long polling is counted too, and a client of another address is not harmed', async () => {
    const server = await behind(1);
    const neighbor = await open(server, '8.8.4.5');
    const polling = await rawPolling(server.url, headersOf('1.1.1.1, 8.8.4.4'));
    await polling.connect();
    await open(server, '2.2.2.2, 8.8.4.4');
    await open(server, '3.3.3.3, 8.8.4.4');
    // It may still be told that it is closed.
    const last = await polling.poll().catch(() => ['1']);
    expect(last.at(-1)).toBe('1');
    await expect(polling.poll()).rejects.toThrow();
    await neighbor.ping();
  });

  it('clients without a valid entry are not counted, as the peer or as what they sent', async () => {
    const server = await behind(1);
    const headers = [undefined, '', '8.8.4.4,', '8.8.4.4, unknown', '127.1', 'x'.repeat(4_000)];
    const all = [];
    for (const header of headers) for (let n = 0; n < 3; n++) all.push(await open(server, header));
    for (const each of all) await each.ping();
    expect(await clients(server)).toBe(all.length);
  });

  it('the address of the handshake stays that of the peer', async () => {
    const server = await behind(1);
    await open(server, '8.8.4.4');
    const [address] = await server.run(({ io }) =>
      [...io.sockets.sockets.values()].map((one) => one.handshake.address),
    );
    expect(address).toMatch(/127\.0\.0\.1$/);
  });
});

it('with trustedHops: 2 the entry of the first of two proxies counts', async () => {
  const server = await behind(2);
  const first = await open(server, '1.1.1.1, 8.8.4.4, 10.0.0.1');
  const neighbor = await open(server, '8.8.4.4, 8.8.4.5, 10.0.0.1');
  const short = [await open(server, '8.8.4.4'), await open(server, '8.8.4.4'), await open(server, '8.8.4.4')];
  await open(server, '2.2.2.2, 8.8.4.4, 10.0.0.2');
  await open(server, '8.8.4.4, 10.0.0.3');
  await within(first.closed, 'the end of the oldest');
  for (const each of [neighbor, ...short]) await each.ping();
});

it('with trustedHops: 0 a client can not change its address by a header', async () => {
  const server = await behind(0);
  const first = await open(server, '1.1.1.1');
  await open(server, '2.2.2.2');
  await open(server);
  await within(first.closed, 'the end of the oldest');
  expect(await warnings(server)).toEqual([]);
});

describe('without trustedHops', () => {
  it('clients behind a proxy of the same machine share no limit, and the log says once what to set', async () => {
    const server = await behind(undefined);
    const all = [];
    for (let n = 0; n < 6; n++) all.push(await open(server, '8.8.4.4'));
    for (const each of all) await each.ping();
    expect(await clients(server)).toBe(6);
    expect(await warnings(server)).toEqual([
      'warn: [roomgate] served: a proxy sends X-Forwarded-For, and the option "trustedHops" is not set, so no limit counts the addresses of clients; ' +
        'set trustedHops to the number of proxies in front of this server, such as trustedHops: 1',
    ]);
  });

  it('other headers of proxies are ignored', async () => {
    const server = await behind(undefined);
    const headers = { 'X-Real-IP': '8.8.4.4', Forwarded: 'for=8.8.4.4' };
    const first = await rawWebSocket(server.url, { headers });
    await first.connect();
    await open(server);
    await open(server);
    await within(first.closed, 'the end of the oldest');
    await eventually(async () => (await clients(server)) === 2);
    expect(await warnings(server)).toEqual([]);
  });
});
