// npm test: node
// npm run test:matrix: newest-node
import { describe, expect, it, test } from 'vitest';
import { addressOf, ClientAddresses } from '../../src/ingress/client-address.js';
import type { Wire } from '../../src/ports/wire.js';

const PROXY = '10.0.0.2';
const CLIENT = '203.0.113.7';

interface Given {
  readonly peer?: string | undefined;
  readonly header?: string | string[];
  readonly others?: Readonly<Record<string, string>>;
}

/** The part of an engine's connection that its address is read from. */
function wireOf({ peer, header, others }: Given): Wire {
  const headers = { ...others, ...(header === undefined ? {} : { 'x-forwarded-for': header }) };
  return { remoteAddress: peer, request: { headers } } as unknown as Wire;
}

function addresses(trustedHops?: number): { readonly all: ClientAddresses; readonly reports: unknown[] } {
  const reports: unknown[] = [];
  return { all: new ClientAddresses({ trustedHops, report: (report) => reports.push(report) }), reports };
}

describe('addressOf()', () => {
  test.each([
    ['203.0.113.7', '203.0.113.7'],
    [' 203.0.113.7\t', '203.0.113.7'],
    ['203.0.113.7:5678', '203.0.113.7'],
    ['::ffff:203.0.113.7', '203.0.113.7'],
    ['::FFFF:cb00:7107', '203.0.113.7'],
    ['[::ffff:203.0.113.7]:80', '203.0.113.7'],
    // Behind NAT64 and SIIT, the network of these addresses is that of all IPv4 clients.
    ['64:ff9b::203.0.113.7', '203.0.113.7'],
    ['64:ff9b::cb00:7107', '203.0.113.7'],
    ['::ffff:0:203.0.113.7', '203.0.113.7'],
    ['64:ff9b:1:2::9', '64:ff9b:1:2::/64'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:DB8:1:2::', '2001:db8:1:2::/64'],
    ['[2001:db8:1:2::9]:443', '2001:db8:1:2::/64'],
    ['[2001:db8:1:2::9]', '2001:db8:1:2::/64'],
    ['fe80::1%eth0', 'fe80::/64'],
    ['::1', '::/64'],
  ])('%s is counted as %s', (text, key) => {
    expect(addressOf(text)?.key).toBe(key);
  });

  test.each([
    ...['', ' ', 'unknown', 'localhost', '_hidden', '203.0.113', '127.1', '010.0.0.1', '0x7f.0.0.1', '3405803783'],
    ...['203.0.113.256', '203.0.113.7 203.0.113.8', '203.0.113.7;', '"203.0.113.7"', 'for=203.0.113.7'],
    ...['203.0.113.7:', '203.0.113.7:port', '203.0.113.7/24', '2001:db8::1/64', '2001:db8::1::', '[2001:db8::1', ':::'],
    ...['2001:db8:1:2:3:4:5:6:7', '[203.0.113.7]extra', '%', ':%', `${'0'.repeat(500)}1:2:3:4:5:6:7:8`],
  ])('"%s" is no address', (text) => {
    expect(addressOf(text)).toBeUndefined();
  });

  test.each([
    ...['127.0.0.1', '10.1.2.3', '172.31.0.1', '192.168.0.9', '169.254.1.1', '100.64.0.1', '::1', '::ffff:10.0.0.1'],
    '64:ff9b::10.0.0.1',
    ...['fd00::1', 'fe80::1', '0.0.0.0', '::'],
  ])('%s may be that of a proxy in the same network', (text) => {
    expect(addressOf(text)?.isPrivate).toBe(true);
  });

  test.each(['8.8.8.8', '172.32.0.1', '2001:4860::8888', '::ffff:8.8.8.8'])('%s is public', (text) => {
    expect(addressOf(text)?.isPrivate).toBe(false);
  });
});

describe('with trustedHops', () => {
  test.each<[hops: number, given: Given, expected: string | undefined]>([
    [0, { peer: PROXY, header: CLIENT }, PROXY],
    [0, { peer: PROXY }, PROXY],
    [0, { peer: '::ffff:127.0.0.1' }, '127.0.0.1'],
    [0, { peer: undefined, header: CLIENT }, undefined],
    [1, { peer: PROXY, header: CLIENT }, CLIENT],
    [1, { peer: undefined, header: CLIENT }, CLIENT],
    [1, { peer: '8.8.8.8', header: CLIENT }, CLIENT],
    [1, { peer: PROXY, header: `1.1.1.1, 2.2.2.2,${CLIENT}` }, CLIENT],
    [1, { peer: PROXY, header: ['1.1.1.1', CLIENT] }, CLIENT],
    [1, { peer: PROXY, header: `${',1.1.1.1'.repeat(3_000)},${CLIENT}` }, CLIENT],
    [2, { peer: PROXY, header: `1.1.1.1, ${CLIENT}, 10.0.0.1` }, CLIENT],
    [2, { peer: PROXY, header: [`1.1.1.1, ${CLIENT}`, '10.0.0.1:9'] }, CLIENT],
    [2, { peer: PROXY, header: `${CLIENT},10.0.0.1` }, CLIENT],
    [3, { peer: PROXY, header: `${CLIENT},1.2.3.4,10.0.0.1` }, CLIENT],
  ])('of %s and %o the address is %s', (hops, given, expected) => {
    const { all, reports } = addresses(hops);
    expect(all.known(wireOf(given))).toBe(expected);
    expect(all.counted(wireOf(given))).toBe(expected);
    all.notice(wireOf(given));
    expect(reports).toEqual([]);
  });

  test.each<[hops: number, header: string | string[] | undefined]>([
    [1, undefined],
    [1, ''],
    [1, ','],
    [1, `${CLIENT},`],
    [1, `${CLIENT}, unknown`],
    [1, `${CLIENT},${'9'.repeat(8_000)}`],
    [2, CLIENT],
    [2, `,${CLIENT}`],
    [2, `${CLIENT},,10.0.0.1`],
    [2, `${CLIENT},x,10.0.0.1`],
    [3, `${CLIENT},10.0.0.1`],
    [1_000_000, `${CLIENT},${CLIENT}`],
  ])('of %s and the header %j nothing to the left is taken instead, nor the peer', (hops, header) => {
    const wire = wireOf({ peer: '8.8.8.8', ...(header === undefined ? {} : { header }) });
    expect(addresses(hops).all.known(wire)).toBeUndefined();
    expect(addresses(hops).all.counted(wire)).toBeUndefined();
  });

  it('no other header is read', () => {
    const others = {
      'x-real-ip': CLIENT,
      forwarded: `for=${CLIENT}`,
      'cf-connecting-ip': CLIENT,
      'x-client-ip': CLIENT,
    };
    expect(addresses(1).all.known(wireOf({ peer: PROXY, others }))).toBeUndefined();
    expect(addresses(0).all.known(wireOf({ peer: PROXY, others }))).toBe(PROXY);
  });
});

describe('without trustedHops', () => {
  it('a public peer is known by its own address, whatever its headers say', () => {
    const { all, reports } = addresses();
    const wire = wireOf({ peer: '8.8.8.8', header: CLIENT });
    all.notice(wire);
    expect([all.known(wire), all.counted(wire), reports]).toEqual(['8.8.8.8', '8.8.8.8', []]);
  });

  it.each(['127.0.0.1', '::1', '10.0.0.2', 'fd00::2'])(
    'a peer at %s is counted only by limits that were set',
    (peer) => {
      const { all, reports } = addresses();
      const wire = wireOf({ peer });
      all.notice(wire);
      expect([all.known(wire), all.counted(wire), reports]).toEqual([undefined, addressOf(peer)?.key, []]);
    },
  );

  it.each(['127.0.0.1', 'fd00::2', '', undefined])(
    'a proxy at %s makes addresses unknown, and is reported once',
    (peer) => {
      const { all, reports } = addresses();
      const wire = wireOf({ peer, header: CLIENT });
      for (let n = 0; n < 3; n++) all.notice(wire);
      expect([all.known(wire), all.counted(wire)]).toEqual([undefined, undefined]);
      expect(reports).toEqual([{ type: 'proxy_unknown', header: 'X-Forwarded-For', option: 'trustedHops' }]);
    },
  );
});
