// npm test: node, bun
// npm run test:matrix: newest-node
import { createRequire } from 'node:module';
import * as version4 from 'engine.io-parser';
import { describe, expect, it } from 'vitest';
import type { WirePacket } from '../../src/ports/wire.js';
import { scanPayload } from '../../src/socketio/payload-scan.js';

const require = createRequire(import.meta.url);
const version3 = require(`${require.resolve('engine.io').replace(/[^/\\]+$/, '')}parser-v3/index.js`) as {
  decodePayload(body: string, pass: (packet: WirePacket) => void): void;
};

function decode(protocol: number, body: string): WirePacket[] {
  if (protocol === 4) return version4.decodePayload(body);
  const packets: WirePacket[] = [];
  version3.decodePayload(body, (packet) => packets.push(packet));
  return packets;
}

/** The parts of a body that pass together. */
function slicesOf(body: string, protocol: number, most = 16): string[] {
  const slices: string[] = [];
  let at: number | undefined = 0;
  while (at !== undefined) {
    const { end, next } = scanPayload(body, at, protocol, most);
    slices.push(body.slice(at, end));
    at = next;
  }
  return slices;
}

const payload = (protocol: number, packets: readonly string[]): string =>
  protocol === 4 ? packets.join('\x1e') : packets.map((packet) => `${packet.length}:${packet}`).join('');

describe.each([3, 4])('the payload of a POST of protocol %i', (protocol) => {
  const packets = Array.from({ length: 100 }, (_, index) => `4${'ü'.repeat(index)}`);

  it.each([1, 3, 16])('is split into slices of at most %i packets that are the same packets', (most) => {
    const body = payload(protocol, packets);
    const slices = slicesOf(body, protocol, most);
    expect(slices).toHaveLength(Math.ceil(100 / most));
    expect(slices.flatMap((slice) => decode(protocol, slice))).toEqual(decode(protocol, body));
  });

  it('has its large packets alone, and not many bytes together', () => {
    const sizes = [1, 16_384, 1, 1, ...Array.from({ length: 10 }, () => 10_000)];
    const slices = slicesOf(
      payload(
        protocol,
        sizes.map((size) => '4'.repeat(size)),
      ),
      protocol,
    );
    expect(slices.map((slice) => decode(protocol, slice).length)).toEqual([1, 1, 8, 4]);
  });

  it.each(['', '4a\x1e', '\x1e\x1e', '4', '1:', '0:1:44', '-5:4', '5:4', '9999999999999:4', 'x:4', ':', '1.5:44'])(
    'ends, also if it is broken: %j',
    (body) => {
      expect(slicesOf(body, protocol, 1).length).toBeLessThanOrEqual(3);
    },
  );

  it('is refused by the engine at the same place, if it is broken', () => {
    const body = `${payload(protocol, packets)}${protocol === 4 ? '\x1e' : '5:4'}`;
    const decoded = slicesOf(body, protocol).flatMap((slice) => decode(protocol, slice));
    expect(decoded).toEqual(decode(protocol, body));
    expect(decoded.at(-1)?.type).toBe('error');
  });
});
