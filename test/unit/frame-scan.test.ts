// npm test: node
// npm run test:matrix: newest-node
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FrameScan, MOST_FRAMES } from '../../src/socketio/frame-scan.js';

const TEXT = 1;
const CONTINUATION = 0;
const PING = 9;
const LARGE = 16 * 1_024;
const ANY = 1_000_000;

interface Frame {
  readonly opcode: number;
  readonly isFinal: boolean;
  readonly bytes: number;
}

const text = (bytes: number): Frame => ({ opcode: TEXT, isFinal: true, bytes });

/** A masked frame; see RFC 6455, section 5.2. */
function bytesOf({ opcode, isFinal, bytes }: Frame): Buffer {
  const head = Buffer.alloc(bytes < 126 ? 2 : bytes < 65_536 ? 4 : 10);
  head.writeUInt8((isFinal ? 0x80 : 0) | opcode, 0);
  head.writeUInt8(0x80 | (bytes < 126 ? bytes : bytes < 65_536 ? 126 : 127), 1);
  if (head.length === 4) head.writeUInt16BE(bytes, 2);
  if (head.length === 10) head.writeBigUInt64BE(BigInt(bytes), 2);
  return Buffer.concat([head, Buffer.from('mask'), Buffer.alloc(bytes, 'x')]);
}

const all = (...frames: readonly Frame[]): Buffer => Buffer.concat(frames.map(bytesOf));

describe('a scan of frames', () => {
  it('lets 16 frames pass together, and no more than the given messages', () => {
    const frames = all(...Array.from({ length: 40 }, () => text(10)));
    const scan = new FrameScan();
    expect(scan.scan(frames, 0, ANY, false)).toBe(MOST_FRAMES * 16);
    expect([scan.messages, scan.hasStopped]).toEqual([16, true]);
    expect(scan.scan(frames, 256, 3, false)).toBe(256 + 3 * 16);
    expect(scan.scan(frames, 304, 0, false)).toBe(304);
    expect([scan.messages, scan.hasStopped]).toEqual([0, true]);
    expect(scan.scan(frames, 304, ANY, false)).toBe(560);
    expect(scan.scan(frames, 560, ANY, false)).toBe(frames.length);
    expect([scan.messages, scan.hasStopped]).toEqual([5, false]);
  });

  it('counts control frames as frames, and fragments as one message', () => {
    const scan = new FrameScan();
    const pings = all(...Array.from({ length: 20 }, () => ({ opcode: PING, isFinal: true, bytes: 4 })));
    expect(scan.scan(pings, 0, ANY, false)).toBe(16 * 10);
    expect(scan.messages).toBe(0);
    scan.scan(pings, 160, ANY, false);
    const fragments = all(
      { opcode: TEXT, isFinal: false, bytes: 5 },
      { opcode: PING, isFinal: true, bytes: 0 },
      { opcode: CONTINUATION, isFinal: false, bytes: 5 },
      { opcode: CONTINUATION, isFinal: true, bytes: 5 },
    );
    expect(scan.scan(fragments, 0, ANY, false)).toBe(fragments.length);
    expect(scan.messages).toBe(1);
  });

  it('stops before the end of a large message, which passes alone', () => {
    const scan = new FrameScan();
    const frames = all(text(10), text(LARGE), text(10));
    const first = scan.scan(frames, 0, ANY, false);
    // Its head may pass: the receiver waits for the rest.
    expect(first).toBe(16 + 8);
    expect(scan.scan(frames, first, ANY, false)).toBe(first);
    expect(scan.scan(frames, first, 0, true)).toBe(first);
    const second = scan.scan(frames, first, ANY, true);
    expect(second).toBe(first + LARGE);
    expect([scan.messages, scan.hasStopped]).toEqual([1, true]);
    expect(scan.scan(frames, second, ANY, false)).toBe(frames.length);
  });

  it('knows a large message by all of its fragments and chunks', () => {
    const scan = new FrameScan();
    const start = all({ opcode: TEXT, isFinal: false, bytes: LARGE });
    expect(scan.scan(start, 0, ANY, false)).toBe(start.length);
    const end = all({ opcode: CONTINUATION, isFinal: true, bytes: 10 });
    expect(scan.scan(end, 0, ANY, false)).toBe(6);
    expect(scan.scan(end, 6, ANY, true)).toBe(end.length);
    const whole = all(text(LARGE));
    const half = whole.subarray(0, 1_000);
    expect(scan.scan(half, 0, ANY, false)).toBe(1_000);
    const rest = whole.subarray(1_000);
    expect(scan.scan(rest, 0, ANY, false)).toBe(0);
    expect(scan.scan(rest, 0, ANY, true)).toBe(rest.length);
  });

  it('passes each byte once, wherever the chunks end', () => {
    const frame = fc.record({
      opcode: fc.constantFrom(TEXT, PING, 2),
      bytes: fc.oneof(fc.nat(130), fc.constantFrom(125, 126, 65_535, 65_536, LARGE - 1, LARGE)),
    });
    const property = fc.property(
      fc.array(frame, { maxLength: 60 }),
      fc.infiniteStream(fc.nat(3_000)),
      (given, sizes) => {
        const frames = given.map(({ opcode, bytes }) => ({
          opcode,
          isFinal: true,
          bytes: opcode === PING ? 5 : bytes,
        }));
        const bytes = all(...frames);
        const scan = new FrameScan();
        let messages = 0;
        for (let at = 0; at < bytes.length; ) {
          const size = Number(sizes.next().value) + 1;
          const chunk = bytes.subarray(at, at + size);
          for (let from = 0; from < chunk.length; ) {
            const to = scan.scan(chunk, from, ANY, true);
            expect(to).toBeGreaterThan(from);
            messages += scan.messages;
            from = to;
          }
          at += chunk.length;
        }
        expect(messages).toBe(frames.filter(({ opcode }) => opcode !== PING).length);
      },
    );
    fc.assert(property, { numRuns: 200 });
  });
});
