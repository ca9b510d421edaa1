// npm test: node
// npm run test:matrix: newest-node
import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, it, vi } from 'vitest';
import { MessageTurns } from '../../src/socketio/message-turns.js';
import { type MessageSource, PacedMessages } from '../../src/socketio/paced-messages.js';
import { Pacing } from '../../src/socketio/pacing.js';
import { eventually } from '../support/facts.js';

const NO_RATE = { messagesPerSecond: Number.POSITIVE_INFINITY, messageBurst: Number.POSITIVE_INFINITY };

class Source implements MessageSource {
  readonly passed: (string | Buffer)[] = [];
  /** How many had passed at each call. */
  readonly pausedAt: number[] = [];
  readonly resumedAt: number[] = [];
  readonly tooFast = vi.fn();
  readonly keepAlive = vi.fn();
  isOpen = true;
  unread = 0;
  canPause = true;
  onPass: (message: string | Buffer) => void = () => {};

  pass(message: string | Buffer): void {
    this.passed.push(message);
    this.onPass(message);
  }

  pause(): void {
    this.pausedAt.push(this.passed.length);
  }

  resume(): void {
    this.resumedAt.push(this.passed.length);
  }
}

function start(limits: object = {}, mostBytes = 1_000_000) {
  const turns = new MessageTurns(new Pacing({ ...NO_RATE, delayedFor: 30_000, ...limits }), mostBytes);
  const add = () => {
    const source = new Source();
    return { source, messages: new PacedMessages(turns, source, { messages: 0, fullAt: undefined }) };
  };
  return { turns, add, ...add() };
}

const texts = (count: number): string[] => Array.from({ length: count }, (_, n) => `${n}`);

describe('the messages of a WebSocket of Bun', () => {
  it('pass at once, up to 16 in one turn; then it is paused until the rest has passed', async () => {
    const { messages, source } = start();
    for (const text of texts(40)) messages.receive(text);
    expect(source.passed).toEqual(texts(16));
    expect(source.pausedAt).toEqual([16]);
    await eventually(() => source.resumedAt.length === 1);
    expect(source.passed).toEqual(texts(40));
    expect(source.resumedAt).toEqual([40]);
  });

  it('pass at once if they come in different turns', async () => {
    const { messages, source } = start();
    for (const text of texts(100)) {
      messages.receive(text);
      if (Number(text) % 8 === 7) await nextTurn();
    }
    expect(source.passed).toEqual(texts(100));
    expect(source.pausedAt).toEqual([]);
  });

  it('wait while the peer has much to read, and it is kept alive as long as it reads', () => {
    const { messages, source } = start();
    for (const text of texts(20)) messages.receive(text);
    const calls = [300_000, 300_000, 290_000, 290_000, 295_000].map((unread) => {
      source.unread = unread;
      expect(messages.slice()).toBeGreaterThan(0);
      return source.keepAlive.mock.calls.length;
    });
    expect(calls).toEqual([0, 0, 1, 1, 1]);
    expect(source.passed).toEqual(texts(16));
    source.unread = 0;
    expect(messages.slice()).toBe(-1);
    expect(source.passed).toEqual(texts(20));
  });

  it('keep their order if more come in later turns, while some wait', async () => {
    const { messages, source } = start();
    source.canPause = false;
    const all = texts(300);
    const later = all.slice(200);
    for (const text of all.slice(0, 200)) messages.receive(text);
    source.onPass = () => {
      const next = later.shift();
      if (next !== undefined) setImmediate(() => messages.receive(next));
    };
    await eventually(() => source.passed.length === 300);
    expect(source.passed).toEqual(all);
  });

  it('share the turns with those of others', async () => {
    const { messages, source, add } = start();
    const other = add();
    for (const text of texts(1_000)) messages.receive(text);
    for (const text of texts(20)) other.messages.receive(text);
    let passedBefore = 0;
    other.source.onPass = (message) => {
      if (message === '19') passedBefore = source.passed.length;
    };
    await eventually(() => other.source.passed.length === 20);
    expect(passedBefore).toBeLessThan(64);
    await eventually(() => source.passed.length === 1_000);
  });

  it('pass alone if they are large, even in a turn of their own', async () => {
    const { messages, source, turns } = start();
    const slices: number[] = [];
    const slice = messages.slice.bind(messages);
    messages.slice = () => {
      const before = source.passed.length;
      const wait = slice();
      slices.push(source.passed.length - before);
      return wait;
    };
    const large = 'x'.repeat(20_000);
    for (const message of [large, large, 'a', 'b', large]) messages.receive(message);
    expect(source.passed).toEqual([]);
    await eventually(() => !turns.pacing.turns.has(messages));
    expect(source.passed.map(({ length }) => length)).toEqual([20_000, 20_000, 1, 1, 20_000]);
    expect(slices).toEqual([1, 1, 2, 1]);
  });

  it('all pass before the end of the connection, without a rate', async () => {
    const { messages, source } = start({ messagesPerSecond: 1, messageBurst: 20 });
    const events: string[] = [];
    source.onPass = () => process.nextTick(() => events.push('handled'));
    for (const text of texts(50)) messages.receive(text);
    source.isOpen = false;
    messages.end(() => events.push('end'));
    await eventually(() => events.includes('end'));
    expect(source.passed).toEqual(texts(50));
    expect(events.indexOf('end')).toBe(50);
  });

  it('are dropped once this side ends the connection, which reads on for the closing handshake', async () => {
    const { messages, source } = start();
    source.onPass = (message) => {
      if (message === '20') messages.drop();
    };
    for (const text of texts(100)) messages.receive(text);
    await eventually(() => source.resumedAt.length === 1);
    messages.receive('late');
    expect(source.passed).toEqual(texts(21));
    // Each read waits for its turn, so that the peer gains nothing by sending on.
    expect(source.pausedAt).toHaveLength(2);
    await eventually(() => source.resumedAt.length === 2);
    const end = vi.fn();
    messages.end(end);
    expect(end).toHaveBeenCalledOnce();
  });

  it('go on after a listener has thrown', async () => {
    const { messages, source } = start();
    const failed = vi.fn();
    const listeners = process.listeners('uncaughtException');
    process.removeAllListeners('uncaughtException');
    process.once('uncaughtException', failed);
    source.onPass = (message) => {
      if (message === '17') throw new Error('of a program');
    };
    for (const text of texts(40)) messages.receive(text);
    await eventually(() => source.passed.length === 40);
    for (const listener of listeners) process.on('uncaughtException', listener);
    expect(failed).toHaveBeenCalledOnce();
    expect(source.passed).toEqual(texts(40));
  });

  it('wait while their client is delayed', async () => {
    const { messages, source } = start();
    const until = performance.now() + 500;
    messages.delay(500);
    messages.receive('later');
    expect(source.passed).toEqual([]);
    await eventually(() => source.passed.length === 1);
    expect(performance.now()).toBeGreaterThanOrEqual(until);
    expect(source.keepAlive).toHaveBeenCalled();
    await eventually(() => source.resumedAt.length === 1);
  });

  it('are bounded if the WebSocket can’t be paused: more ends the connection, once', () => {
    const { messages, source, turns } = start({}, 100_000);
    source.canPause = false;
    for (let n = 0; n < 200; n++) messages.receive('x'.repeat(1_000));
    expect(source.tooFast).toHaveBeenCalledOnce();
    expect(source.passed).toHaveLength(16);
    expect(turns.pacing.turns.has(messages)).toBe(false);
  });

  it('are bounded by their count as well, above a burst of the rate', () => {
    const { messages, source } = start({ messagesPerSecond: 1, messageBurst: 8_000 });
    source.canPause = false;
    for (let n = 0; n < 16_016; n++) messages.receive('');
    expect(source.tooFast).not.toHaveBeenCalled();
    messages.receive('');
    expect(source.tooFast).toHaveBeenCalledOnce();
  });

  it('of a client over its rate end it after delayedFor', async () => {
    const { messages, source } = start({ messagesPerSecond: 20, messageBurst: 2, delayedFor: 100 });
    for (const text of texts(50)) messages.receive(text);
    await eventually(() => source.tooFast.mock.calls.length > 0);
    expect(source.tooFast).toHaveBeenCalledOnce();
    expect(source.passed.length).toBeLessThan(20);
    expect(source.passed).toEqual(texts(source.passed.length));
  });
});

describe('connections that sent much', () => {
  it('are read again in different turns, and those that sent little together', async () => {
    const { turns } = start();
    const read: string[] = [];
    const readers = Array.from({ length: 6 }, (_, n) => ({
      readBytes: n < 3 ? 100_000 : 1_000,
      readOn: () => read.push(n < 3 ? 'much' : 'little'),
    }));
    for (const reader of readers) turns.resume(reader);
    const perTurn: number[] = [];
    while (read.length < 6) {
      const before = read.length;
      await nextTurn();
      if (read.length > before) perTurn.push(read.length - before);
    }
    expect(perTurn).toEqual([1, 1, 4]);
  });
});
