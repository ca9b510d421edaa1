/** Checked by the compiler, never run. `@ts-expect-error` marks code that must not compile. */
import { type } from 'arktype';
import * as v from 'valibot';
import { z } from 'zod';
import {
  type ContractCode,
  type DownEvents,
  defineContract,
  isRequestError,
  RequestError,
  type RequestErrorCode,
  RoomgateError,
  SocketIOClientHelper,
  SocketIOComponent,
  SocketIOEmitterHelper,
  SocketIOServerHelper,
  type TRoomgateErrorCode,
  type UpEvents,
} from '../../src/index.js';

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
function same<A, B>(_: Equal<A, B>): void {}

const contract = defineContract({
  up: {
    say: {
      input: z.object({ text: z.string(), at: z.string().transform(Number), loud: z.boolean().default(false) }),
      output: z.object({ id: z.number().transform(String) }),
      errors: ['away', 'room_full'],
    },
    move: { input: v.object({ x: v.number(), y: v.optional(v.number(), 0) }), output: v.boolean() },
    count: { input: type({ of: "'people' | 'rooms'" }), output: type('number') },
    rest: { output: type('string') },
    stop: {},
  },
  down: {
    said: z.object({ from: z.string(), text: z.string() }),
    moved: v.object({ x: v.number() }),
    counted: type('number'),
    closed: z.undefined(),
  },
});
type Contract = typeof contract;

// The maps: what travels.
same<
  UpEvents<Contract>['say'],
  (
    data: { text: string; at: string; loud?: boolean | undefined },
    acknowledge?: (answer: { id: string }) => void,
  ) => void
>(true);
same<UpEvents<Contract>['stop'], (acknowledge?: () => void) => void>(true);
same<DownEvents<Contract>['said'], (data: { from: string; text: string }) => void>(true);
same<ContractCode<Contract['up']['say']>, 'away' | 'room_full'>(true);
same<ContractCode<Contract['up']['move']>, never>(true);
// @ts-expect-error: the contract is frozen
contract.up.say = contract.up.stop;
// @ts-expect-error: no such topic
contract.up.shout;

// The client.
const client = new SocketIOClientHelper<DownEvents<Contract>, UpEvents<Contract>>({
  identifier: 'a',
  host: 'http://127.0.0.1',
  options: { path: '/io' },
});
client.subscribe({ event: 'said', handler: (it) => same<typeof it, { from: string; text: string }>(true) });
client.subscribe({ event: 'counted', handler: (it) => same<typeof it, number>(true) });
// @ts-expect-error: the server sends no such event
client.subscribe({ event: 'sayd', handler: () => {} });
const answers = [
  client.request({ topic: 'say', data: { text: 'hi', at: '5' } }),
  client.request({ topic: 'move', data: { x: 1 } }),
  client.request({ topic: 'count', data: { of: 'rooms' } }),
  client.request({ topic: 'rest' }),
  client.request({ topic: 'stop' }),
] as const;
same<
  typeof answers,
  readonly [Promise<{ id: string }>, Promise<boolean>, Promise<number>, Promise<string>, Promise<undefined>]
>(true);
client.emit({ topic: 'say', data: { text: 'hi', at: '5', loud: true } });
client.emit({ topic: 'stop' });
// @ts-expect-error: the data is missing
client.request({ topic: 'say' });
// @ts-expect-error: the topic has other data
client.request({ topic: 'say', data: { text: 5, at: '5' } });
// @ts-expect-error: `at` is what travels, not what the schema returns
client.request({ topic: 'say', data: { text: 'hi', at: 5 } });
// @ts-expect-error: this topic has no data
client.request({ topic: 'stop', data: 1 });
// @ts-expect-error: the schema allows other words
client.request({ topic: 'count', data: { of: 'cats' } });
// @ts-expect-error: the server knows no such topic
client.emit({ topic: 'shout', data: 'hi' });
// @ts-expect-error: this is an event of the server
client.emit({ topic: 'said', data: { from: 'a', text: 'b' } });

// Its errors.
declare const error: unknown;
if (isRequestError(error, contract.up.say)) {
  same<typeof error.code, RequestErrorCode | 'away' | 'room_full'>(true);
  same<typeof error.mayHaveRun, boolean>(true);
  same<typeof error.retryAfter, number | undefined>(true);
  // @ts-expect-error: no such code
  if (error.code === 'asleep') error.code;
}
if (isRequestError(error, contract.up.move)) same<typeof error.code, RequestErrorCode>(true);
if (isRequestError(error)) same<typeof error.code, string>(true);
// The types of errors that programs use already stay.
if (error instanceof RoomgateError) same<typeof error.code, TRoomgateErrorCode>(true);
if (error instanceof RequestError) error.message.slice(1);

// The servers.
const rest = { identifier: 'b', serverOptions: {}, authenticateFn: () => true } as const;
declare const server: import('node:http').Server;
const helper = new SocketIOServerHelper<UpEvents<Contract>, DownEvents<Contract>>({
  ...rest,
  ...{ runtime: 'node', server },
  clientConnectedFn: ({ socket }) => {
    socket.on('say', (data, acknowledge) => {
      same<typeof data, { text: string; at: string; loud?: boolean | undefined }>(true);
      acknowledge?.({ id: '5' });
      // @ts-expect-error: the answer is another one
      acknowledge?.({ id: 5 });
    });
    socket.emit('moved', { x: 5 });
    // @ts-expect-error: clients do not send this
    socket.on('shout', () => {});
  },
});
helper.send({ payload: { topic: 'said', data: { from: 'a', text: 'b' } } });
helper.send({ payload: { topic: 'closed' } });
// @ts-expect-error: no such event
helper.send({ payload: { topic: 'sayd', data: 1 } });
// @ts-expect-error: the event has other data
helper.send({ payload: { topic: 'counted', data: '1' } });
// Handlers get what the schemas return, and return what the schemas accept.
helper.handle({
  topic: 'say',
  ...contract.up.say,
  memberOf: (data) => {
    same<typeof data, { text: string; at: number; loud: boolean }>(true);
    return data.text;
  },
  handler: async ({ data, socket }) => {
    same<typeof data, { text: string; at: number; loud: boolean }>(true);
    socket.emit('counted', data.at);
    return { id: 5 };
  },
});
helper.handle({ topic: 'move', ...contract.up.move, handler: ({ data }) => data.y > 1 });
helper.handle({ topic: 'count', ...contract.up.count, handler: ({ data }) => data.of.length });
helper.handle({ topic: 'rest', ...contract.up.rest, handler: () => 'x' });
helper.handle({ topic: 'stop', ...contract.up.stop, handler: ({ data }) => same<typeof data, undefined>(true) });
// @ts-expect-error: the result is another one
helper.handle({ topic: 'say', ...contract.up.say, handler: () => ({ id: 'x' }) });
// @ts-expect-error: the result is missing
helper.handle({ topic: 'count', ...contract.up.count, handler: async () => {} });
// @ts-expect-error: no such topic
helper.handle({ topic: 'shout', ...contract.up.say, handler: () => ({ id: 5 }) });

const component = new SocketIOComponent<UpEvents<Contract>, DownEvents<Contract>>({ authenticateFn: () => true });
component.helper.send({ payload: { topic: 'counted', data: 1 } });
// @ts-expect-error: the event has other data
component.helper.send({ payload: { topic: 'counted', data: '1' } });

component.handle({ topic: 'rest', ...contract.up.rest, handler: () => 'x' });
// @ts-expect-error: the result is another one
component.handle({ topic: 'rest', ...contract.up.rest, handler: () => 5 });

// The emitter.
declare const redis: import('../../src/index.js').RedisHelper;
const emitter = new SocketIOEmitterHelper<DownEvents<Contract>>({ identifier: 'c', redisConnection: redis });
emitter.send({ destination: 'room', payload: { topic: 'said', data: { from: 'a', text: 'b' } } });
emitter.send({ payload: { topic: 'closed' } });
// @ts-expect-error: no such event
emitter.send({ payload: { topic: 'sayd', data: 1 } });
// @ts-expect-error: the event has other data
emitter.send({ payload: { topic: 'counted', data: '1' } });
// @ts-expect-error: the data is missing
emitter.send({ payload: { topic: 'counted' } });
const loose = new SocketIOEmitterHelper({ identifier: 'c', redisConnection: redis });
loose.send({ payload: { topic: 'anything', data: 1 }, destination: { user: 'ann' } });
loose.send({ payload: { topic: 'anything' } });

// What is no contract.
// @ts-expect-error: no schema
defineContract({ up: { say: { input: String } }, down: {} });
// @ts-expect-error: no schema
defineContract({ up: {}, down: { said: { text: 'string' } } });
// @ts-expect-error: codes are texts
defineContract({ up: { say: { errors: [5] } }, down: {} });
// @ts-expect-error: no events of the server
defineContract({ up: {} });
// Two contracts in one client.
const other = defineContract({ up: { ask: { input: z.string() } }, down: { asked: z.string() } });
type Both = UpEvents<Contract> & UpEvents<typeof other>;
declare const both: SocketIOClientHelper<DownEvents<Contract> & DownEvents<typeof other>, Both>;
same<ReturnType<typeof askBoth>, Promise<undefined>>(true);
export function askBoth() {
  both.subscribe({ event: 'asked', handler: (it) => same<typeof it, string>(true) });
  return both.request({ topic: 'ask', data: 'x' });
}
