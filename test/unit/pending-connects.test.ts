// npm test: node, bun
// npm run test:matrix: newest-node, oldest-bun
import { EventEmitter } from 'node:events';
import { expect, it } from 'vitest';
import { PendingConnects } from '../../src/ingress/pending-connects.js';
import type { Wire } from '../../src/ports/wire.js';

class TestWire extends EventEmitter {
  readonly readyState = 'open';
  readonly written: unknown[][] = [];
  close(): void {}
  write(...args: unknown[]): void {
    this.written.push(args);
  }
}

function connect(...packets: string[]) {
  const connects = new PendingConnects(() => {});
  const namespace = { _remove: () => {} };
  connects.attach(namespace as never);
  const wire = new TestWire();
  connects.add(wire as Wire);
  for (const data of packets) wire.emit('packet', { type: 'message', data });
  return { connects, wire };
}

it('a connection that asks for `/` only is not watched', () => {
  const { connects, wire } = connect('0', '0{"token":"x"}');
  expect(connects.isPending(wire as Wire)).toBe(true);
  expect(wire.write).toBe(TestWire.prototype.write);
});

it('a connection that asks for others is watched until each is answered, without a listener for packets', () => {
  const { connects, wire } = connect('0/a,', '0/b,', '0/c,');
  const listeners = wire.eventNames();
  const options = { compress: false };
  const write = (...args: unknown[]) => wire.write(...args);
  write('2["event"]', options);
  write('4/a,{"message":"no"}', options);
  connects.answered(wire as Wire, false);
  // The refusal of `/`, which is noticed in another way.
  write('4{"message":"no"}', options);
  write(Buffer.from('4'), options);
  expect(connects.isPending(wire as Wire)).toBe(true);
  expect(wire.write).not.toBe(TestWire.prototype.write);
  write('4/c,{"message":"no"}', options);
  expect(connects.isPending(wire as Wire)).toBe(false);
  expect(wire.write).toBe(TestWire.prototype.write);
  expect(wire.written).toHaveLength(5);
  expect(wire.written.every(([, given]) => given === options)).toBe(true);
  expect(wire.eventNames()).toEqual(listeners);
  expect(listeners).toEqual(['packet']);
});
