import { expect, it } from 'vitest';
import type { IBunTransport, IBunWire } from '../../src/fanout/bun-engine.js';
import type { TBunFrame, TPiece } from '../../src/fanout/bun-frames.js';
import { BunLane } from '../../src/fanout/bun-lane.js';
import { ChainQueue } from '../../src/fanout/chain.js';

/** A wire whose peer the test lets read. */
class FakeWire implements IBunWire {
  readonly sent: string[] = [];
  isSlow = false;
  isClosed = false;
  #then: (() => void) | undefined;

  sendAll(messages: readonly TPiece[]): number {
    this.sent.push(...messages.map((message) => String(message).slice(0, 5)));
    return this.isSlow ? 1_000_000 : 0;
  }

  afterDrain(then: () => void): void {
    this.#then = then;
  }

  drain(): void {
    this.#then?.();
  }

  close(): void {
    this.isClosed = true;
  }
}

function make() {
  const wire = new FakeWire();
  const drained: string[] = [];
  const transport: IBunTransport = {
    name: 'websocket',
    readyState: 'open',
    socket: wire,
    writable: true,
    send: () => {},
    doClose: () => {},
    emit: (event) => drained.push(event) > 0,
  };
  const queue = new ChainQueue<TBunFrame>(() => {});
  BunLane.make(transport, queue, { filled: () => {}, drained: () => {} });
  return { wire, transport, queue, drained };
}

/** 20 messages of 20 KB: three of them are a whole chain. */
const BATCH = Array.from({ length: 20 }, (_, n) => ({ type: 'message', data: `${1_000 + n}${'x'.repeat(20_000)}` }));
const ALL = BATCH.map((_, n) => `4${1_000 + n}`);

it('of what the engine gives at once no more goes out than its peer takes, and the rest later, in order', () => {
  const { wire, transport, queue, drained } = make();
  wire.isSlow = true;
  transport.send(BATCH);
  queue.flush();
  expect(wire.sent).toEqual(ALL.slice(0, 4));
  expect(transport.writable).toBe(false);
  wire.drain();
  queue.flush();
  // The engine isn't told before: it would give more.
  expect([wire.sent, drained]).toEqual([ALL.slice(0, 8), []]);
  wire.isSlow = false;
  wire.drain();
  queue.flush();
  expect([wire.sent, transport.writable, drained]).toEqual([ALL, true, ['drain']]);
});

it('what the engine gives by itself meanwhile comes behind', () => {
  const { wire, transport, queue } = make();
  wire.isSlow = true;
  transport.send(BATCH);
  transport.send([{ type: 'pong', data: 'probe' }]);
  wire.isSlow = false;
  wire.drain();
  queue.flush();
  expect(wire.sent).toEqual([...ALL, '3prob']);
});

it('a transport that closes gives out what it was given first', () => {
  const { wire, transport } = make();
  wire.isSlow = true;
  transport.send(BATCH);
  transport.doClose();
  expect([wire.sent, wire.isClosed]).toEqual([ALL, true]);
});
