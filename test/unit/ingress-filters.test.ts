// npm test: node
// npm run test:matrix: newest-node
import { randomFillSync } from 'node:crypto';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BodyFilter } from '../../src/ingress/body-filter.js';
import { FrameFilter } from '../../src/ingress/frame-filter.js';
import { isHeavy, parsedBytes } from '../../src/ingress/parsed-bytes.js';
import { parseQuery } from '../../src/ingress/query.js';

const MOST = 64;

interface IFrame {
  readonly opcode: number;
  readonly isFinal: boolean;
  readonly isCompressed: boolean;
  readonly isMasked: boolean;
  readonly payload: string;
}

function bytesOf({ opcode, isFinal, isCompressed, isMasked, payload }: IFrame): Buffer {
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

const isDropped = ({ opcode, isFinal, isCompressed, payload }: IFrame): boolean =>
  (opcode === 1 || opcode === 2) && isFinal && !isCompressed && payload.length > MOST;

const frames = fc.array(
  fc.record({
    opcode: fc.constantFrom(0, 1, 1, 1, 2, 8, 9, 10),
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

/** Cuts bytes at the places that are given, by their share of the whole. */
function cut(bytes: Buffer, places: readonly number[]): Buffer[] {
  const at = [...new Set(places.map((place) => Math.floor(place * bytes.length)))].sort((a, b) => a - b);
  return [0, ...at]
    .map((from, index) => bytes.subarray(from, at[index] ?? bytes.length))
    .filter(({ length }) => length > 0);
}

const places = fc.array(fc.double({ min: 0, max: 0.999, noNaN: true }), { maxLength: 40 });

describe('a filter of frames', () => {
  it('passes all but the messages that are too large, however they are cut', () => {
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
        const expected = encoded.filter(({ frame }) => !isDropped(frame)).map(({ bytes }) => bytes);
        expect(Buffer.concat(passed).equals(Buffer.concat(expected))).toBe(true);
        const starts = given
          .filter(isDropped)
          .map(({ opcode, payload }) => (opcode === 1 ? payload.slice(0, 16) : undefined));
        expect(dropped).toEqual(starts);
      }),
      { numRuns: 2_000 },
    );
  });

  it('passes everything once it is lifted, but for the rest of what is being dropped', () => {
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
        let kept = encoded;
        for (let n = 0; n < dropped; n++) {
          const first = kept.findIndex(({ frame }) => isDropped(frame));
          kept = kept.filter((_, at) => at !== first);
        }
        expect(Buffer.concat(passed).equals(Buffer.concat(kept.map(({ bytes }) => bytes)))).toBe(true);
      }),
      { numRuns: 2_000 },
    );
  });

  it('is lifted by a frame of the same chunk, and passes the large one behind it', () => {
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

  it('hands on that its receiver asks to wait', () => {
    const filter = new FrameFilter({ mostBytes: MOST, pass: () => false, dropped: () => {} });
    const common = { opcode: 1, isFinal: true, isCompressed: false, isMasked: true };
    expect(filter.write(bytesOf({ payload: 'a', ...common }))).toBe(false);
    expect(filter.write(bytesOf({ payload: 'x'.repeat(MOST + 1), ...common }))).toBe(true);
  });
});

describe('a filter of the body of a POST', () => {
  const packets = fc.array(
    fc.oneof(
      fc.stringMatching(/^[0-6][ -~]{0,20}$/),
      fc.integer({ min: 60, max: 70 }).map((length) => `4${'x'.repeat(length - 1)}`),
    ),
    { minLength: 1, maxLength: 12 },
  );

  it('passes all but the packets that are too large, however they are cut', () => {
    fc.assert(
      fc.property(packets, places, fc.nat(600), (given, cuts, mostInAll) => {
        const dropped: string[] = [];
        const filter = new BodyFilter({
          mostBytes: MOST,
          mostBytesInAll: mostInAll,
          isLifted: () => false,
          dropped: (start) => dropped.push(start),
        });
        const passed: Uint8Array[] = cut(Buffer.from(given.join('\x1e')), cuts).map((chunk) => filter.write(chunk));
        passed.push(filter.end());
        let inAll = 0;
        const expected = { passed: [] as string[], dropped: [] as string[] };
        for (const packet of given) {
          const isTooLarge = packet.length > MOST || inAll + packet.length > mostInAll;
          if (isTooLarge) expected.dropped.push(packet.slice(0, 16));
          else {
            expected.passed.push(packet);
            inAll += packet.length + 1;
          }
        }
        expect(Buffer.concat(passed).toString()).toBe(expected.passed.join('\x1e'));
        expect(dropped).toEqual(expected.dropped);
        expect(filter.hasPassed).toBe(expected.passed.length > 0);
      }),
      { numRuns: 2_000 },
    );
  });

  it('passes everything once its session is authenticated', () => {
    const filter = new BodyFilter({ mostBytes: 1, mostBytesInAll: 1, isLifted: () => true, dropped: () => {} });
    const large = 'x'.repeat(100_000);
    const passed = [filter.write(Buffer.from(`4a\x1e4${large}`)), filter.end()];
    expect(Buffer.concat(passed).toString()).toBe(`4a\x1e4${large}`);
  });
});

describe('the memory that a text of JSON takes once it is parsed', () => {
  it.each([
    ['objects', `[${'{},'.repeat(5_000)}1]`],
    ['lists', `[${'[],'.repeat(5_000)}1]`],
    ['objects in objects', `${'{"a":'.repeat(2_000)}1${'}'.repeat(2_000)}`],
    ['keys', JSON.stringify(Object.fromEntries(Array.from({ length: 1_500 }, (_, n) => [`k${n}`, n])))],
    ['objects with keys of their own', JSON.stringify(Array.from({ length: 1_000 }, (_, n) => ({ [`k${n}`]: 1 })))],
    ['objects with numbers for keys', JSON.stringify(Array.from({ length: 900 }, (_, n) => ({ [n * 100_000]: 1 })))],
    ['numbers', `[${'1.5,'.repeat(4_000)}"a"]`],
    ['strings', JSON.stringify(Array.from({ length: 2_000 }, (_, n) => `x${n}`))],
  ])('is not taken for less than it is: %s', (_, json) => {
    expect(parsedBytes(json)).toBeGreaterThan(heapOf(json));
    expect(isHeavy(json, 64 * 1024)).toBe(true);
  });

  it('is not taken for much where it is a token', () => {
    expect(isHeavy(JSON.stringify({ token: 'x'.repeat(15_000), more: ['a', { b: 1 }] }), 64 * 1024)).toBe(false);
    expect(isHeavy('"[{[{[{,,,:::\\"[{"', 20)).toBe(true);
    expect(parsedBytes('"[{[{\\"[{"')).toBe(parsedBytes('"aaaaaaaaa"') - 1);
  });
});

/** What a text takes on the heap once it is parsed, on average. */
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
  it('is parsed as engine.io does, and never throws', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const { query, fault } = parseQuery(`/io/?${text}`);
        if (fault !== undefined) return;
        const mark = text.indexOf('#');
        expect(query).toEqual(Object.fromEntries(new URLSearchParams(mark < 0 ? text : text.slice(0, mark))));
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
  ])('"%s" repeats what decides: %s', (text, parameter) => {
    expect(parseQuery(`/io/?${text}`).fault?.parameter).toBe(parameter);
  });
});
