/** Checked by the compiler, never run. `@ts-expect-error` marks code that must not compile. */
import type { StandardSchemaV1 } from '@standard-schema/spec';
import { type } from 'arktype';
import * as v from 'valibot';
import { z } from 'zod';
import {
  ClientError,
  type Schema,
  type SchemaInput,
  type SchemaOutput,
  SocketIOComponent,
  type SocketIOServerHelper,
} from '../../src/index.js';

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
function same<A, B>(_: Equal<A, B>): void {}

interface Up {
  say(text: string): void;
  now(acknowledge: (time: number) => void): void;
}
interface Claims {
  role: 'admin' | 'guest';
}
declare const loose: SocketIOServerHelper;
declare const typed: SocketIOServerHelper<Up, Record<never, never>, Record<never, never>, { n: number }, Claims>;

// Schemas of each library have the interface, and so have those of its own package of types.
declare const standard: StandardSchemaV1<string, number>;
export const own: Schema<string, number> = standard;
export const back: StandardSchemaV1<string, number> = own;
same<SchemaInput<typeof standard>, string>(true);
same<SchemaOutput<typeof standard>, number>(true);

const said = {
  zod: z.object({ text: z.string() }),
  valibot: v.object({ text: v.string() }),
  arktype: type({ text: 'string' }),
};
loose.handle({ topic: 'zod', input: said.zod, handler: ({ data }) => same<typeof data, { text: string }>(true) });
loose.handle({
  topic: 'valibot',
  input: said.valibot,
  handler: ({ data }) => same<typeof data, { text: string }>(true),
});
loose.handle({
  topic: 'arktype',
  input: said.arktype,
  handler: ({ data }) => same<typeof data, { text: string }>(true),
});
loose.handle({
  topic: 'output type',
  input: z.string().transform((text) => text.length),
  memberOf: (data) => {
    same<typeof data, number>(true);
    return 'room';
  },
  handler: async ({ data, signal }) => {
    same<typeof data, number>(true);
    same<typeof signal, AbortSignal>(true);
  },
});

// The result is what the schema accepts.
loose.handle({ topic: 'n', output: z.number(), handler: () => 1 });
loose.handle({ topic: 'n', output: z.number(), handler: async () => 1 });
// @ts-expect-error: expected a number
loose.handle({ topic: 'n', output: z.number(), handler: () => 'one' });
// @ts-expect-error: expected a number
loose.handle({ topic: 'n', output: z.number(), handler: async () => 'one' });

// Without schemas it is loose.
loose.handle({ topic: 'any', handler: ({ data }) => data.whatever });
const remove = loose.handle({ topic: 'any', handler: () => {} });
same<typeof remove, () => void>(true);

// Without a schema the data is that of the map.
typed.handle({ topic: 'say', handler: ({ data }) => same<typeof data, string>(true) });
typed.handle({ topic: 'now', handler: ({ data }) => same<typeof data, undefined>(true) });
typed.handle({
  topic: 'say',
  handler: ({ identity, socket }) => {
    same<NonNullable<typeof identity>['claims'], Claims | undefined>(true);
    same<typeof socket.data, { n: number }>(true);
  },
});
// @ts-expect-error: clients do not send this event
typed.handle({ topic: 'shout', handler: () => {} });

// A contract's entry can be spread.
const entry = { input: said.zod, output: z.object({ id: z.string() }), errors: ['away'] } as const;
loose.handle({ topic: 'say', ...entry, handler: ({ data }) => ({ id: data.text }) });
// @ts-expect-error: its result has an id
loose.handle({ topic: 'say', ...entry, handler: ({ data }) => ({ text: data.text }) });

// @ts-expect-error: the handler is missing
loose.handle({ topic: 'say' });
// @ts-expect-error: not a schema
loose.handle({ topic: 'say', input: { text: 'string' }, handler: () => {} });
// @ts-expect-error: expected the name of a room
loose.handle({ topic: 'say', memberOf: () => 1, handler: () => {} });
// @ts-expect-error: the time is missing
loose.handle({ topic: 'say', limit: { messages: 1 }, handler: () => {} });
// @ts-expect-error: no such field
loose.handle({ topic: 'say', inputs: said.zod, handler: () => {} });

const component = new SocketIOComponent({
  authenticateFn: () => ({ user: 'ann', claims: { role: 'admin' as const } }),
  handlerTimeout: 1_000,
  onFailure: { handler: 'throw' },
});
component.handle({
  topic: 'say',
  input: said.zod,
  limit: { messages: 1, per: 1_000 },
  handler: ({ data, identity }) => {
    same<typeof data, { text: string }>(true);
    same<NonNullable<typeof identity>['claims'], { role: 'admin' } | undefined>(true);
    throw new ClientError('away', 'Nobody is here.', { since: 1 });
  },
});
// @ts-expect-error: not one of the two words
new SocketIOComponent({ authenticateFn: () => true, onFailure: { handler: 'keep' } });
