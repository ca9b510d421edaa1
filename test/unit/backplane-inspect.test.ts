// npm test: node
// npm run test:matrix: newest-node
import fc from 'fast-check';
import { encode } from 'notepack.io';
import { describe, expect, it } from 'vitest';
import { PARSER } from '../../src/backplane/parser.js';
import { inspectRequest, inspectResponse } from '../../src/backplane/redis/inspect.js';
import { RejectedMessageError } from '../../src/common/instance-messages.js';

/** Whether it passes, or is refused with one of Roomgate's errors. Any other error fails the test. */
function verdict(inspect: () => unknown): 'passed' | 'refused' {
  try {
    inspect();
    return 'passed';
  } catch (error) {
    if (error instanceof RejectedMessageError) return 'refused';
    throw error;
  }
}

const anything = fc.anything({ maxDepth: 3, withNullPrototype: true });
const json = (value: unknown) => Buffer.from(JSON.stringify(value) ?? 'undefined');

describe('any message that arrives', () => {
  it('is checked without an error', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const message = Buffer.from(bytes);
        verdict(() => inspectRequest(message));
        verdict(() => inspectResponse(message));
      }),
      { numRuns: 500 },
    );
  });

  it('is checked without an error if its types are right and its contents are not', () => {
    const request = fc.record(
      { type: fc.nat(10), opts: anything, rooms: anything, requestId: anything, data: anything, packet: anything },
      { requiredKeys: ['type'] },
    );
    fc.assert(
      fc.property(request, (value) => {
        // Values without JSON are not sent.
        fc.pre(isJson(value));
        verdict(() => inspectRequest(json(value)));
        verdict(() => inspectResponse(json(value)));
      }),
      { numRuns: 500 },
    );
  });

  it('is checked by its own fields', () => {
    const forged = '{"__proto__":{"type":6,"data":["note"]},"constructor":{"name":"x"}}';
    expect(verdict(() => inspectRequest(Buffer.from(forged)))).toBe('refused');
  });
});

function isJson(value: unknown): boolean {
  try {
    return JSON.stringify(value) !== undefined;
  } catch {
    return false;
  }
}

const TARGET = { rooms: ['a', 5], except: [], flags: {} };

describe('requests', () => {
  it.each([
    ['join', { type: 2, uid: 'u', opts: TARGET, rooms: ['b'] }],
    ['leave, from a plain emitter', { type: 3, opts: { rooms: ['a'], except: [] }, rooms: ['b'] }],
    ['disconnect', { type: 4, opts: TARGET, close: true }],
    ['sockets', { type: 0, requestId: 'r', rooms: ['a'] }],
    ['all rooms', { type: 1, requestId: 'r', uid: 'u' }],
    ['fetch', { type: 5, requestId: 'r', opts: TARGET }],
    ['broadcast', { type: 7, requestId: 'r', opts: TARGET, packet: { type: 2, data: ['n'], nsp: '/' } }],
  ])('%s is accepted, as JSON and as MessagePack', (_, request) => {
    for (const message of [json(request), encode(request)]) {
      expect(inspectRequest(message)).toEqual({ callsProgram: false });
    }
  });

  it('those that call handlers of the program are recognized', () => {
    expect(inspectRequest(json({ type: 6, uid: 'u', data: ['note', 1] }))).toEqual({ callsProgram: true });
  });
});

describe('the parser', () => {
  it('decodes what it encodes for a server’s broadcasts', () => {
    const message = ['uid', { type: 2, data: ['n', { a: [1, 'ü', null, Buffer.from([1])] }], nsp: '/' }, TARGET];
    expect(PARSER.decode(PARSER.encode(message))).toEqual(message);
  });

  it('accepts a broadcast without a namespace, as old emitters send it', () => {
    const message = ['emitter', { type: 2, data: ['n'] }, { rooms: [], flags: {} }];
    expect(PARSER.decode(PARSER.encode(message))).toEqual(message);
  });
});
