// npm test: node
// npm run test:matrix: newest-node
import type { Adapter } from 'socket.io-adapter';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { boundFetchAnswers } from '../../src/socketio/fetch-answers.js';
import { defer } from '../support/cleanup.js';

const QUESTION = { type: 5, requestId: 'q' };

/** An adapter that records published messages. */
function setUp() {
  const published: string[] = [];
  const adapter = { publishResponse: (_: unknown, response: string) => published.push(response) };
  const dropped = vi.fn();
  expect(boundFetchAnswers(adapter as unknown as Adapter, dropped)).toBe(true);
  const answer = (count: number, fields: object): void => {
    const socket = { id: 'x', handshake: { time: 'now', ...fields }, rooms: ['x'], data: { n: 1 } };
    adapter.publishResponse(QUESTION, JSON.stringify({ requestId: 'q', sockets: Array(count).fill(socket) }));
  };
  return { published, adapter, answer, dropped };
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
  defer(() => vi.useRealTimers());
});

describe('an answer to fetchSockets()', () => {
  it('keeps its form and the entries that fit', () => {
    const { published, answer } = setUp();
    const fields = { headers: { cookie: 'a=1' }, query: { EIO: '4' }, auth: { token: 't' }, url: '/io/?EIO=4' };
    answer(1, fields);
    const handshake = { time: 'now', ...fields };
    expect(JSON.parse(published[0] ?? '')).toEqual({
      requestId: 'q',
      sockets: [{ id: 'x', handshake, rooms: ['x'], data: { n: 1 } }],
    });
  });

  it('is sent unchanged if its form is unknown', () => {
    const { published, adapter } = setUp();
    adapter.publishResponse(QUESTION, 'not JSON');
    expect(published).toEqual(['not JSON']);
  });

  it('leaves out entries that do not fit as a whole', () => {
    const { published, answer } = setUp();
    const long = 'x'.repeat(5_000);
    answer(1, { headers: { long, short: 's' }, query: { long }, auth: { long: [long], short: [1] }, url: long });
    const [{ handshake }] = JSON.parse(published[0] ?? '').sockets;
    expect(handshake).toEqual({
      time: 'now',
      headers: { short: 's' },
      query: {},
      auth: { short: [1] },
      url: long.slice(0, 4_096),
    });
  });

  it('contains at most 4 MB of them, however many sockets exist', () => {
    const { published, answer } = setUp();
    const wide = Object.fromEntries(Array.from({ length: 40 }, (_, n) => [`k${n}`, 'x'.repeat(90)]));
    answer(10_000, { headers: wide, query: wide, auth: wide, url: 'x'.repeat(4_000) });
    const rest = 10_000 * 120;
    expect(published[0]?.length).toBeLessThan(4 * 1_024 * 1_024 + rest);
    expect(JSON.parse(published[0] ?? '').sockets).toHaveLength(10_000);
  });

  it('is sent at once, however many small ones are requested', () => {
    const { published, answer } = setUp();
    for (let n = 0; n < 300; n++) answer(1, { headers: { host: 'x' } });
    expect(published).toHaveLength(300);
  });

  it('waits for subscribers to read earlier ones, and is reported if too much waits', () => {
    const { published, answer, dropped } = setUp();
    const megabyte = { auth: Object.fromEntries(Array.from({ length: 40 }, (_, n) => [`k${n}`, 'x'.repeat(90)])) };
    for (let n = 0; n < 100; n++) answer(250, megabyte);
    expect(published.length).toBeLessThan(3);
    expect(dropped.mock.calls.length).toBeGreaterThan(50);
    const before = published.length;
    vi.advanceTimersByTime(1_000);
    // The limit of 8 MB per second.
    expect(published.length - before).toBeGreaterThan(5);
    expect(published.length - before).toBeLessThan(10);
    vi.advanceTimersByTime(60_000);
    expect(published.length + dropped.mock.calls.length).toBe(100);
    answer(1, {});
    expect(JSON.parse(published.at(-1) ?? '').sockets).toHaveLength(1);
  });

  it('is not sent to a server that has stopped waiting', () => {
    const { published, answer } = setUp();
    const wide = { auth: Object.fromEntries(Array.from({ length: 40 }, (_, n) => [`k${n}`, 'x'.repeat(90)])) };
    for (let n = 0; n < 20; n++) answer(250, wide);
    // The process was suspended for longer than other servers wait.
    const before = published.length;
    vi.spyOn(performance, 'now').mockReturnValue(performance.now() + 6_000);
    vi.runAllTimers();
    expect(published.length).toBe(before);
  });

  it('is the only answer that is changed', () => {
    const { published, adapter } = setUp();
    adapter.publishResponse({ type: 0 }, '{"no":"parsing');
    expect(published).toEqual(['{"no":"parsing']);
    expect(boundFetchAnswers({} as Adapter, () => {})).toBe(false);
  });
});
