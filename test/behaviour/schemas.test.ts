// npm test: node, bun
// npm run test:matrix: node+redis, bun+redis, newest-node, newest-node+redis, oldest-bun, oldest-bun+redis
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { TestClient } from '../support/server.js';
import { enter, type Served, serve } from './program.js';

let server: Served;
let client: TestClient;

const ask = (topic: string, ...args: unknown[]) => client.socket.timeout(5_000).emitWithAck(topic, ...args);
const invalid = (...issues: [path: string, code: string][]) => ({
  'roomgate:error': {
    code: 'invalid',
    message: 'The data of this event is invalid.',
    issues: issues.map(([path, code]) => ({ path, code })),
  },
});
const INTERNAL = { 'roomgate:error': { code: 'internal', message: 'Something went wrong on the server.' } };

beforeAll(async () => {
  server = await serve({
    options: ({ memory }) => ({
      onReport: (report) => {
        if (report.type === 'handler_failed') memory.failures.push(report.where);
      },
    }),
    before: async ({ helper, load, note }) => {
      const [{ z }, v, { type }] = [await load('zod'), await load('valibot'), await load('arktype')];
      const inputs = {
        zod: z.object({ text: z.string().max(5), tags: z.array(z.object({ id: z.number() })).optional() }),
        valibot: v.object({
          text: v.pipe(v.string(), v.maxLength(5)),
          tags: v.optional(v.array(v.object({ id: v.number() }))),
        }),
        arktype: type({ text: 'string <= 5', 'tags?': type({ id: 'number' }).array() }),
      };
      for (const [name, input] of Object.entries(inputs)) {
        const reached = (data: unknown) => {
          note('reached');
          return data;
        };
        helper.handle({ topic: name, input: input as never, handler: ({ data }) => reached(data) });
      }
      const output = { zod: z.number(), valibot: v.number(), arktype: type('number') };
      for (const [name, schema] of Object.entries(output)) {
        helper.handle({
          topic: `${name} out`,
          output: schema as never,
          handler: (async ({ data }: { data: unknown }) => data) as never,
        });
      }
      const trimmed = z.string().transform((text: string) => text.trim());
      const taken = z.string().refine(async (text: string) => text !== 'taken');
      const broken = z.string().transform(() => {
        throw new Error('secret');
      });
      helper.handle({ topic: 'transformed', input: trimmed, output: trimmed, handler: ({ data }) => `${data}! ` });
      helper.handle({ topic: 'async', input: taken, handler: ({ data }) => data });
      helper.handle({ topic: 'broken', input: broken, handler: () => note('reached') });
      const none = { '~standard': { version: 1, vendor: 'x', validate: () => undefined } };
      helper.handle({ topic: 'no result', input: none as never, handler: () => note('reached') });
      const unwrapped = { '~standard': { version: 1, vendor: 'x', validate: (value: string) => ({ text: value }) } };
      helper.handle({ topic: 'no value', input: unwrapped as never, handler: () => note('reached') });
    },
  });
});

beforeEach(async () => {
  client = await enter(server.url, { auth: { token: 'good' } });
  await server.run(({ memory }) => {
    memory.failures = [];
  });
});

const failures = () => server.run(({ memory }) => memory.failures);

/** The codes of each library for: no object, a text that is missing, one that is too long, and a number that is no number. */
const CODES = {
  zod: ['invalid_type', 'invalid_type', 'too_big', 'invalid_type'],
  valibot: ['object', 'object', 'max_length', 'number'],
  arktype: ['domain', 'required', 'maxLength', 'domain'],
} as const;

describe.each(Object.entries(CODES))('a schema of %s', (name, [type, missing, long, nested]) => {
  it('lets valid data through', async () => {
    expect(await ask(name, { text: 'short', tags: [{ id: 1 }] })).toEqual({ text: 'short', tags: [{ id: 1 }] });
  });

  it('answers other data with path and code, and does not let it reach the handler', async () => {
    const before = await server.notes();
    expect(await ask(name, 'secret')).toEqual(invalid(['', type]));
    expect(await ask(name)).toEqual(invalid(['', type]));
    expect(await ask(name, {})).toEqual(invalid(['text', missing]));
    expect(await ask(name, { text: 'a secret' })).toEqual(invalid(['text', long]));
    const tags = [{ id: 1 }, { id: 'secret' }];
    expect(await ask(name, { text: '', tags })).toEqual(invalid(['tags.1.id', nested]));
    expect(await server.notes()).toEqual(before);
    expect(await failures()).toEqual([]);
  });

  it('names at most 10 places, without a value', async () => {
    const tags = Array.from({ length: 1_000 }, () => ({ id: 'secret' }));
    const answer = await ask(name, { text: '', tags });
    expect(answer['roomgate:error'].issues).toHaveLength(10);
    expect(JSON.stringify(answer)).not.toContain('secret');
  });

  it('survives hostile data', async () => {
    const data = [
      null,
      [],
      JSON.parse('{"__proto__":{"text":"x"}}'),
      { text: { toString: 1 } },
      Buffer.from('x'),
      { text: '', tags: { length: -1 } },
      { constructor: { prototype: { polluted: 1 } } },
    ];
    for (const one of data) expect(await ask(name, one)).toMatchObject({ 'roomgate:error': { code: 'invalid' } });
    expect(await failures()).toEqual([]);
  });

  it('checks results too', async () => {
    expect(await ask(`${name} out`, 1)).toBe(1);
    expect(await ask(`${name} out`, 'secret')).toEqual(INTERNAL);
    expect(await failures()).toEqual([`the handler of "${name} out"`]);
    const lines = await server.run((inside) => inside.lines);
    expect(lines.join('\n')).not.toContain('secret');
  });
});

describe('a schema', () => {
  it('may transform data and results', async () => {
    expect(await ask('transformed', ' hi ')).toBe('hi!');
  });

  it('may be asynchronous', async () => {
    expect(await ask('async', 'free')).toBe('free');
    expect(await ask('async', 'taken')).toEqual(invalid(['', 'custom']));
  });

  it.each(['broken', 'no result', 'no value'])(
    'that fails is reported, and the handler is not called: %s',
    async (topic) => {
      const before = await server.notes();
      expect(await ask(topic, 'x')).toEqual(INTERNAL);
      expect(await failures()).toEqual([`the handler of "${topic}"`]);
      expect(await server.notes()).toEqual(before);
    },
  );
});
