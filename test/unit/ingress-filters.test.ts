// npm test: node
// npm run test:matrix: newest-node
import { randomFillSync } from 'node:crypto';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BodyFilter } from '../../src/ingress/body-filter.js';
import { DROPPED } from '../../src/ingress/dropped.js';
import { FrameFilter } from '../../src/ingress/frame-filter.js';
import { isHeavy, parsedBytes } from '../../src/ingress/parsed-bytes.js';
import { parseQuery } from '../../src/ingress/query.js';

const MOST = 64;

interface Frame {
  readonly opcode: number;
  readonly isFinal: boolean;
  readonly isCompressed: boolean;
  readonly isMasked: boolean;
  readonly payload: string;
}

function bytesOf({ opcode, isFinal, isCompressed, isMasked, payload }: Frame): Buffer {
  const body = Buffer.from(payload, 'latin1');
  const first = (isFinal ? 0x80 : 0) | (isCompressed ? 0x40 : 0) | opcode;
  const mask = isMasked ? 0x80 : 0;
  const length =
    body.length < 126
      ? Buffer.from([mask | body.length])
      : body.length < 65_536
        ? Buffer.from([mask | 126, body.length >> 8, body.length & 0xff])
        : Buffer.from([
            mask | 127,
            0,
            0,
            0,
            0,
            body.length >>> 24,
            (body.length >> 16) & 0xff,
            (body.length >> 8) & 0xff,
            body.length & 0xff,
          ]);
  const key = isMasked ? randomFillSync(Buffer.alloc(4)) : Buffer.alloc(0);
  if (isMasked) for (const [at, byte] of body.entries()) body[at] = byte ^ (key[at % 4] as number);
  return Buffer.concat([Buffer.from([first]), length, key, body]);
}

const MARK = Buffer.concat([
  Buffer.from([0x81, 0x80 | (DROPPED.length + 1), 0, 0, 0, 0]),
  Buffer.from(`4${DROPPED}`, 'latin1'),
]);

const isDropped = ({ opcode, isFinal, isCompressed, payload }: Frame): boolean =>
  (opcode === 1 || opcode === 2) && isFinal && !isCompressed && payload.length > MOST;

/** The bytes that pass: the frame, or the mark that replaces it. */
const passing = ({ frame, bytes }: { frame: Frame; bytes: Buffer }): Buffer => (isDropped(frame) ? MARK : bytes);

const frames = fc.array(
  fc.record({
    opcode: fc.constantFrom(0, 1, 1, 1, 2, 3, 8, 9, 10, 15),
    isFinal: fc.boolean(),
    isCompressed: fc.constantFrom(false, false, false, true),
    isMasked: fc.constantFrom(true, true, true, false),
    payload: fc
      .oneof(
        fc.string({ maxLength: 20 }),
        fc.integer({ min: 55, max: 75 }).map((length) => '4'.repeat(length)),
        fc.constantFrom(125, 126, 127, 65_535, 65_536, 70_000).map((length) => `451-${'x'.repeat(length - 4)}`),
      )
      .map((text) => Buffer.from(text, 'latin1').toString('latin1')),
  }),
  { maxLength: 8 },
);

/** Cuts bytes at the given relative positions. */
function cut(bytes: Buffer, places: readonly number[]): Buffer[] {
  const at = [...new Set(places.map((place) => Math.floor(place * bytes.length)))].sort((a, b) => a - b);
  return [0, ...at]
    .map((from, index) => bytes.subarray(from, at[index] ?? bytes.length))
    .filter(({ length }) => length > 0);
}

const places = fc.array(fc.double({ min: 0, max: 0.999, noNaN: true }), { maxLength: 40 });

describe('a frame filter', () => {
  it('passes all messages except those that are too large, however they are fragmented', () => {
    fc.assert(
      fc.property(frames, places, (given, cuts) => {
        const encoded = given.map((frame) => ({ frame, bytes: bytesOf(frame) }));
        const passed: Buffer[] = [];
        const dropped: (string | undefined)[] = [];
        const filter = new FrameFilter({
          mostBytes: MOST,
          pass: (bytes) => passed.push(Buffer.from(bytes)) > 0,
          dropped: (start) => dropped.push(start),
        });
        for (const chunk of cut(Buffer.concat(encoded.map(({ bytes }) => bytes)), cuts)) filter.write(chunk);
        expect(Buffer.concat(passed).equals(Buffer.concat(encoded.map(passing)))).toBe(true);
        const starts = given
          .filter(isDropped)
          .map(({ opcode, payload }) => (opcode === 1 ? payload.slice(0, 16) : undefined));
        expect(dropped).toEqual(starts);
      }),
      { numRuns: 2_000 },
    );
  });

  it('passes everything once it is lifted, except the rest of a message that is being dropped', () => {
    fc.assert(
      fc.property(frames, places, fc.nat(20), (given, cuts, liftedAt) => {
        const encoded = given.map((frame) => ({ frame, bytes: bytesOf(frame) }));
        const passed: Buffer[] = [];
        let dropped = 0;
        const filter = new FrameFilter({
          mostBytes: MOST,
          pass: (bytes) => passed.push(Buffer.from(bytes)) > 0,
          dropped: () => dropped++,
        });
        for (const [at, chunk] of cut(Buffer.concat(encoded.map(({ bytes }) => bytes)), cuts).entries()) {
          if (at === liftedAt) filter.lift();
          filter.write(chunk);
        }
        filter.lift();
        expect(filter.isDone).toBe(true);
        // The first dropped frames arrived before the filter was lifted.
        let left = dropped;
        const expected = encoded.map((each) => (isDropped(each.frame) && left-- > 0 ? MARK : each.bytes));
        expect(Buffer.concat(passed).equals(Buffer.concat(expected))).toBe(true);
      }),
      { numRuns: 2_000 },
    );
  });

  it.each([
    ['a ping of 2^63 bytes', '89ff8000000000000000'],
    ['a ping of 2^62 bytes', '89ff4000000000000000'],
    ['a ping of 2^31 bytes', '89ff0000000080000000'],
    ['a frame of an unknown opcode and 2^40 bytes', '83ff0000010000000000'],
    ['a continuation of 2^50 bytes', '80ff0004000000000000'],
    ['a compressed text of 2^40 bytes', 'c1ff0000010000000000'],
  ])('passes %s on to the receiver, which refuses it, and holds none of it', (_, head) => {
    const passed: Buffer[] = [];
    const filter = new FrameFilter({
      mostBytes: MOST,
      pass: (it) => passed.push(Buffer.from(it)) > 0,
      dropped: () => {},
    });
    const bytes = Buffer.concat([Buffer.from(head, 'hex'), Buffer.alloc(4 + 100)]);
    const before = process.memoryUsage().arrayBuffers;
    for (const byte of bytes) filter.write(Buffer.of(byte));
    expect(Buffer.concat(passed).equals(bytes)).toBe(true);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(1_000_000);
  });

  it('copies a fragment, which its receiver keeps, and no other frame', () => {
    const passed: Buffer[] = [];
    const filter = new FrameFilter({ mostBytes: MOST, pass: (it) => passed.push(it) > 0, dropped: () => {} });
    const common = { isCompressed: false, isMasked: true, payload: 'a' };
    const chunk = Buffer.concat([
      bytesOf({ opcode: 9, isFinal: true, ...common }),
      bytesOf({ opcode: 1, isFinal: false, ...common }),
      bytesOf({ opcode: 0, isFinal: true, ...common }),
      bytesOf({ opcode: 1, isFinal: true, ...common }),
    ]);
    filter.write(chunk);
    expect(Buffer.concat(passed).equals(chunk)).toBe(true);
    expect(passed.map(({ buffer }) => buffer === chunk.buffer)).toEqual([true, false, false, true]);
  });

  it('is lifted by a frame of the same chunk, and passes the large one after it', () => {
    const passed: number[] = [];
    const filter: FrameFilter = new FrameFilter({
      mostBytes: MOST,
      pass: (bytes) => {
        if (passed.push(bytes.length) === 1) filter.lift();
        return true;
      },
      dropped: () => {
        throw new Error('nothing is to be dropped');
      },
    });
    const common = { isFinal: true, isCompressed: false, isMasked: true };
    const upgrade = bytesOf({ opcode: 1, payload: '5', ...common });
    const large = bytesOf({ opcode: 1, payload: `4${'x'.repeat(1_000)}`, ...common });
    filter.write(Buffer.concat([upgrade, large]));
    expect(passed).toEqual([upgrade.length, large.length]);
  });

  it('passes on its receiver’s backpressure', () => {
    const filter = new FrameFilter({ mostBytes: MOST, pass: () => false, dropped: () => {} });
    const common = { opcode: 1, isFinal: true, isCompressed: false, isMasked: true };
    expect(filter.write(bytesOf({ payload: 'a', ...common }))).toBe(false);
    const [whole, cutOff] = [bytesOf({ payload: 'abc', ...common }), 3];
    expect(filter.write(whole.subarray(0, cutOff))).toBe(true);
    expect(filter.write(whole.subarray(cutOff))).toBe(false);
  });
});

describe('a filter for the body of a POST', () => {
  const packets = fc.array(
    fc.oneof(
      fc.stringMatching(/^[0-6][ -~]{0,20}$/),
      fc.integer({ min: 60, max: 70 }).map((length) => `4${'x'.repeat(length - 1)}`),
    ),
    { minLength: 1, maxLength: 12 },
  );

  it('passes all packets except those that are too large, however they are split', () => {
    fc.assert(
      fc.property(packets, places, fc.nat(600), (given, cuts, mostInAll) => {
        const dropped: string[] = [];
        const filter = new BodyFilter({
          mostBytes: MOST,
          mostBytesInAll: mostInAll,
          isLifted: () => false,
          dropped: (start) => dropped.push(start),
        });
        for (const chunk of cut(Buffer.from(given.join('\x1e')), cuts)) filter.write(chunk);
        const expected = { passed: [] as string[], dropped: [] as string[] };
        for (const packet of given) {
          const separator = expected.passed.join('\x1e').length;
          const begin = expected.passed.length === 0 ? 0 : separator + 1;
          if (packet.length <= MOST && begin + packet.length <= mostInAll) expected.passed.push(packet);
          else if (separator <= mostInAll || /^(?:b|4[056])/.test(packet)) {
            expected.passed.push(`4${DROPPED}`);
            expected.dropped.push(packet.slice(0, 16));
          }
        }
        expect(filter.end().toString()).toBe(expected.passed.join('\x1e'));
        expect(dropped).toEqual(expected.dropped);
      }),
      { numRuns: 2_000 },
    );
  });

  it('passes everything once its session is authenticated', () => {
    const filter = new BodyFilter({ mostBytes: 1, mostBytesInAll: 1, isLifted: () => true, dropped: () => {} });
    const large = 'x'.repeat(100_000);
    expect(filter.write(Buffer.from(`4a\x1e4${large}`))).toBe(true);
    expect(filter.end().toString()).toBe(`4a\x1e4${large}`);
  });

  it('passes empty packets unchanged, which make the engine close the session', () => {
    const filter = new BodyFilter({ mostBytes: 9, mostBytesInAll: 99, isLifted: () => false, dropped: () => {} });
    filter.write(Buffer.from('\x1e4a\x1e\x1e'));
    expect(filter.end().toString()).toBe('\x1e4a\x1e\x1e');
  });

  it('holds a bounded number of marks: small events after a full body leave none, and others close the session', () => {
    const most = { mostBytes: 16, mostBytesInAll: 64, isLifted: () => false, dropped: () => {} };
    const events = new BodyFilter(most);
    for (let n = 0; n < 10_000; n++) expect(events.write(Buffer.from('42["a"]\x1e'))).toBe(true);
    expect(events.end().length).toBeLessThan(128);
    const binaries = new BodyFilter(most);
    let isOpen = true;
    for (let n = 0; n < 10_000 && isOpen; n++) isOpen = binaries.write(Buffer.from('bAAAA\x1e'));
    expect(isOpen).toBe(false);
  });
});

describe('the estimated memory of parsed JSON', () => {
  it.each([
    ['objects', `[${'{},'.repeat(5_000)}1]`],
    ['lists', `[${'[],'.repeat(5_000)}1]`],
    ['objects in objects', `${'{"a":'.repeat(2_000)}1${'}'.repeat(2_000)}`],
    ['keys', JSON.stringify(Object.fromEntries(Array.from({ length: 1_500 }, (_, n) => [`k${n}`, n])))],
    ['objects with keys of their own', JSON.stringify(Array.from({ length: 1_000 }, (_, n) => ({ [`k${n}`]: 1 })))],
    ['objects with numbers for keys', JSON.stringify(Array.from({ length: 900 }, (_, n) => ({ [n * 100_000]: 1 })))],
    ['numbers', `[${'1.5,'.repeat(4_000)}"a"]`],
    ['strings', JSON.stringify(Array.from({ length: 2_000 }, (_, n) => `x${n}`))],
  ])('is not too low for %s', (_, json) => {
    expect(parsedBytes(json)).toBeGreaterThan(heapOf(json));
    expect(isHeavy(json, 32 * 1024)).toBe(true);
  });

  it('is small for a token', () => {
    expect(isHeavy(JSON.stringify({ token: 'x'.repeat(15_000), more: ['a', { b: 1 }] }), 32 * 1024)).toBe(false);
    expect(isHeavy('"[{[{[{,,,:::\\"[{"', 20)).toBe(true);
    expect(parsedBytes('"[{[{\\"[{"')).toBe(parsedBytes('"aaaaaaaaa"') - 1);
  });
});

/** The average heap size of a text after parsing. */
function heapOf(json: string): number {
  setFlagsFromString('--expose-gc');
  const gc = runInNewContext('gc') as () => void;
  const kept: unknown[] = [];
  gc();
  const before = process.memoryUsage().heapUsed;
  for (let n = 0; n < 50; n++) kept.push(JSON.parse(`${' '.repeat(n % 7)}${json}`));
  gc();
  return (process.memoryUsage().heapUsed - before) / kept.length;
}

describe('a query', () => {
  it('is parsed as in engine.io, and never throws', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const { query, fault } = parseQuery(`/io/?${text}`);
        if (fault !== undefined) return;
        const mark = text.indexOf('#');
        // The first question mark belongs to the target, a second one to a name.
        const parameters = new URLSearchParams(`?${mark < 0 ? text : text.slice(0, mark)}`);
        expect(query).toEqual(Object.fromEntries([...parameters].filter(([name]) => name !== '__proto__')));
      }),
    );
  });

  it.each([
    ['', undefined],
    ['sid=a', undefined],
    ['sid=a&sid=a', 'sid'],
    ['sid=a&SID=b', undefined],
    ['s%69d=a&sid=b', 'sid'],
    ['EIO=4&transport=polling&EIO=4', 'EIO'],
    ['color=red&color=blue', undefined],
  ])('"%s" repeats a relevant parameter: %s', (text, parameter) => {
    expect(parseQuery(`/io/?${text}`).fault?.parameter).toBe(parameter);
  });
});
