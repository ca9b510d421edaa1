/** Payloads of messages. Each is derived from its number alone, so that a receiver knows the expected value. */
export const KINDS = [
  'nothing',
  'empty',
  'text',
  'unicode',
  'many',
  'large',
  'bytes',
  'noBytes',
  'severalBytes',
  'largeBytes',
] as const;
export type Kind = (typeof KINDS)[number];

/** Also runs in the programs, so it cannot use anything else of this file. */
export function payloadOf(kind: Kind, n: number): unknown[] {
  const bytes = (length: number, from: number): Buffer => Buffer.alloc(length, from % 251);
  switch (kind) {
    case 'nothing':
      return [];
    case 'empty':
      return [''];
    case 'text':
      return [{ n, of: ['text', null, 0, false] }];
    case 'unicode':
      return [`${n} ü😀 \u2028\u0000"\\ 日本`];
    case 'many':
      return [n, '', [n], { n }, null];
    case 'large':
      return ['x'.repeat(70_000) + n];
    case 'bytes':
      return [bytes(3, n)];
    case 'noBytes':
      return [Buffer.alloc(0), n];
    case 'severalBytes':
      return [{ a: bytes(1, n), b: [bytes(200, n + 1), n, { c: bytes(2, n + 2) }] }, bytes(5, n + 3)];
    case 'largeBytes':
      return [bytes(70_000, n), n];
  }
}
