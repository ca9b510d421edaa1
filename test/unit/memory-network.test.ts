// npm test: node
// npm run test:matrix: newest-node
import { describe, expect, it } from 'vitest';
import { createMemoryBackplane } from '../../src/backplane/memory/memory-backplane.js';
import { type MemoryMember, MemoryNetwork } from '../../src/backplane/memory/memory-network.js';
import type { BackplaneReport } from '../../src/backplane/reports.js';
import { SocketSearch } from '../../src/rooms/socket-search.js';

const MOST_HELD = 10_000;

interface Joined {
  readonly member: MemoryMember;
  /** The messages received on channel `c`. */
  readonly heard: string[];
  readonly events: unknown[];
}

function join(network: MemoryNetwork, name: string): Joined {
  const events: unknown[] = [];
  const member = network.createMember(name, {
    cut: () => events.push('cut'),
    healed: (dropped) => events.push(dropped),
    changed: () => undefined,
  });
  const heard: string[] = [];
  member.subscribe('c', (message) => heard.push(message.toString()));
  member.join();
  return { member, heard, events };
}

function joinThree(): { network: MemoryNetwork; a: Joined; b: Joined; c: Joined } {
  const network = new MemoryNetwork();
  return { network, a: join(network, 'a'), b: join(network, 'b'), c: join(network, 'c') };
}

/** Resolves once everything posted before has been delivered. */
const delivered = () => new Promise((resolve) => setImmediate(resolve));

function say({ member }: Joined, ...words: string[]): void {
  for (const word of words) member.publish('c', Buffer.from(word));
}

describe('a memory network', () => {
  it('delivers to each other subscriber once, in order, after the call has returned', async () => {
    const { a, b, c } = joinThree();
    say(a, '1', '2');
    say(b, '3');
    a.member.publish('other', Buffer.from('4'));
    expect([...a.heard, ...b.heard, ...c.heard]).toEqual([]);
    await delivered();
    expect([a.heard, b.heard, c.heard]).toEqual([['3'], ['1', '2'], ['1', '2', '3']]);
  });

  it('delivers a message that a handler publishes in the next tick', async () => {
    const { a, b } = joinThree();
    b.member.subscribe('c', (message) => b.member.publish('c', message));
    say(a, '1');
    await delivered();
    expect(a.heard).toEqual([]);
    await delivered();
    expect(a.heard).toEqual(['1']);
  });

  it('gives each receiver its own bytes', async () => {
    const { a, b, c } = joinThree();
    const messages: Buffer[] = [];
    for (const { member } of [b, c]) member.subscribe('c', (message) => messages.push(message.fill('x')));
    const sent = Buffer.from('1');
    a.member.publish('c', sent);
    await delivered();
    expect(sent.toString()).toBe('1');
    expect(messages).toHaveLength(2);
    messages[0]?.fill('y');
    expect(messages.map(String)).toEqual(['y', 'x']);
  });

  it('removes only the subscription with the given handler', async () => {
    const { a, b } = joinThree();
    const handler = () => {};
    b.member.unsubscribe('c', handler);
    say(a, '1');
    await delivered();
    expect(b.heard).toEqual(['1']);
    b.member.subscribe('c', handler);
    b.member.unsubscribe('c', handler);
    expect(a.member.countSubscribers('c')).toBe(1);
  });

  it('loses an instance’s messages while it is cut off, and counts those it could not send', async () => {
    const { network, a, b, c } = joinThree();
    say(c, '1');
    network.cut('c');
    say(c, '2', '3');
    say(a, '4');
    expect([a.member.countSubscribers('c'), c.member.countSubscribers('c')]).toEqual([1, 0]);
    expect(a.member.living).toEqual([b.member.id, c.member.id]);
    await delivered();
    network.heal('c');
    say(c, '5');
    say(a, '6');
    await delivered();
    expect([a.heard, b.heard, c.heard]).toEqual([['1', '5'], ['1', '4', '5', '6'], ['6']]);
    expect([a.events, b.events, c.events]).toEqual([[], [], ['cut', 2]]);
  });

  it('keeps a paused instance’s messages in both directions, in order', async () => {
    const { network, a, b, c } = joinThree();
    say(a, '1');
    network.pause('c');
    say(c, '2');
    say(a, '3');
    await delivered();
    expect([a.heard, b.heard, c.heard]).toEqual([[], ['1', '3'], []]);
    say(a, '4');
    network.heal('c');
    say(c, '5');
    await delivered();
    expect([a.heard, b.heard, c.heard]).toEqual([
      ['2', '5'],
      ['1', '3', '4', '2', '5'],
      ['1', '3', '4'],
    ]);
    expect(c.events).toEqual([]);
  });

  it('keeps a bounded number of messages for a paused instance, and drops the oldest first', async () => {
    const { network, a, b } = joinThree();
    network.pause('b');
    const words = Array.from({ length: MOST_HELD + 5 }, (_, index) => `${index}`);
    say(b, ...words);
    say(a, ...words);
    await delivered();
    network.heal('b');
    await delivered();
    for (const { heard } of [a, b]) expect(heard.join()).toBe(words.slice(5).join());
  });

  it('loses the kept messages if a paused instance is cut off', async () => {
    const { network, a, b } = joinThree();
    network.pause('b');
    say(b, '1', '2');
    say(a, '3');
    await delivered();
    network.cut('b');
    network.heal('b');
    await delivered();
    expect([a.heard, b.heard]).toEqual([[], []]);
    expect(b.events).toEqual(['cut', 2]);
  });

  it('cuts an instance off once, and does not pause one that is cut off', async () => {
    const { network, a } = joinThree();
    for (const fault of ['cut', 'cut', 'pause'] as const) network[fault]('a');
    say(a, '1');
    for (let time = 0; time < 2; time++) network.heal('a');
    expect(a.events).toEqual(['cut', 1]);
  });

  it('removes all messages of an instance that leaves', async () => {
    const { network, a, b, c } = joinThree();
    say(a, '1');
    network.pause('c');
    say(c, '2');
    expect(c.member.leave()).toBe(1);
    c.member.subscribe('c', () => {});
    expect(c.member.isSubscribed('c')).toBe(false);
    say(c, '3');
    expect(a.member.living).toEqual([b.member.id]);
    expect(a.member.countSubscribers('c')).toBe(1);
    await delivered();
    expect([a.heard, b.heard, c.heard]).toEqual([[], ['1'], []]);
    for (const { member } of [a, b]) expect(member.leave()).toBe(0);
    expect(network.size).toBe(0);
  });

  it('reports each join, and each leave, even of a disconnected instance', () => {
    const network = new MemoryNetwork();
    const changes: string[] = [];
    const [a, b, c, d] = ['a', 'b', 'c', 'd'].map((name) => {
      const changed = (change: string, id: string) => changes.push(`${name}: ${id} ${change}`);
      const member = network.createMember(name, { cut: () => {}, healed: () => {}, changed });
      member.join();
      return member;
    });
    expect(changes.filter((text) => /^[ab]/.test(text)).sort()).toEqual([
      ...['a: b.2', 'a: c.3', 'a: d.4', 'b: a.1', 'b: c.3', 'b: d.4'].map((text) => `${text} joined`),
    ]);
    changes.length = 0;
    network.cut('c');
    network.pause('d');
    for (const member of [b, c, d]) member?.leave();
    expect(changes.filter((text) => text.startsWith('a'))).toEqual(['a: c.3 expired', 'a: d.4 expired']);
    expect(a?.living).toEqual([]);
  });

  it('rejects a fault for an unknown instance', () => {
    const { network } = joinThree();
    for (const fault of ['cut', 'pause', 'heal'] as const) expect(() => network[fault]('d')).toThrow('"d"');
  });
});

describe('the in-memory backplane', () => {
  async function open(network: MemoryNetwork, identifier: string, ids: readonly string[] = []) {
    const reports: BackplaneReport[] = [];
    const backplane = createMemoryBackplane({ network, identifier, report: (report) => reports.push(report) });
    const search = new SocketSearch(backplane.bus, (id) => ids.includes(id));
    await backplane.open(1_000);
    return { backplane, search, reports };
  }

  it('reports an outage with its losses, even if the instance ends with it', async () => {
    const network = new MemoryNetwork();
    const { backplane, reports } = await open(network, 'a');
    const namespace = { name: '/', server: { encoder: { encode: () => [''] } }, sockets: new Map() };
    const adapter = backplane.adapterFactory()?.(namespace as never);
    const broadcast = () => adapter?.broadcast({ type: 2, data: ['n'] }, { rooms: new Set(), except: new Set() });
    network.cut('a');
    broadcast();
    network.heal('a');
    broadcast();
    network.cut('a');
    broadcast();
    broadcast();
    await backplane.close(0);
    const lost = { type: 'backplane_disconnected', connection: 'bus', error: expect.any(Error) };
    expect(reports).toEqual([
      lost,
      { type: 'backplane_reconnected', connection: 'bus', afterMs: expect.any(Number), dropped: 1, uncertain: 0 },
      lost,
      { type: 'backplane_messages_undelivered', connection: 'bus', dropped: 2, uncertain: 0 },
    ]);
    expect(network.size).toBe(0);
  });

  it('does not report an outage without losses as a loss', async () => {
    const network = new MemoryNetwork();
    const { backplane, reports } = await open(network, 'a');
    network.cut('a');
    await backplane.close(0);
    expect(reports.map(({ type }) => type)).toEqual(['backplane_disconnected']);
  });

  it('gets a late answer from a paused instance', async () => {
    const network = new MemoryNetwork();
    const [a] = [await open(network, 'a'), await open(network, 'b', ['x'])];
    network.pause('b');
    const [late, never] = [a.search.find(['x'], 5_000), a.search.find(['y'], 5_000)];
    expect((await a.search.find(['x'], 20)).get('x')).toBe('unanswered');
    network.heal('b');
    expect((await late).get('x')).toBe('elsewhere');
    expect((await never).get('y')).toBe('nowhere');
  });

  it('does not wait for an instance that leaves, nor for any after it leaves itself', async () => {
    const network = new MemoryNetwork();
    const [a, b] = [await open(network, 'a'), await open(network, 'b', ['x'])];
    const asked = a.search.find(['x'], 60_000);
    // The question is lost, and never answered.
    network.cut('b');
    await delivered();
    network.heal('b');
    await b.backplane.close(0);
    expect((await asked).get('x')).toBe('nowhere');
    await open(network, 'c');
    network.cut('c');
    const given = a.search.find(['x'], 60_000);
    await delivered();
    await a.backplane.close(0);
    expect((await given).get('x')).toBe('unanswered');
  });
});
