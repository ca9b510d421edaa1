// npm test: node
// npm run test:matrix: newest-node
import * as parser from 'socket.io-parser';
import { describe, expect, it } from 'vitest';
import { SocketIOClientHelper } from '../../src/client/index.js';
import { defer } from '../support/cleanup.js';
import { LogLines } from '../support/log-lines.js';

/** Calls as JavaScript allows them, without types. */
type Calls = Readonly<Record<string, (...args: unknown[]) => unknown>>;

function setUp(forSocketIO: object = {}) {
  const logger = new LogLines();
  const options = { path: '/io', autoConnect: false, ...forSocketIO };
  const helper = new SocketIOClientHelper({ identifier: 'tester', host: 'http://127.0.0.1:1', logger, options });
  defer(() => helper.shutdown());
  return { logger, helper, calls: helper as unknown as Calls };
}

const FUNCTION = (): void => {};
const SUBSCRIBE = 'Call it as subscribe({ event, handler }).';
const JOIN = 'Call it as joinRooms({ rooms: ["name"] }).';

describe('a wrong call is logged with the right one:', () => {
  it.each<[string, unknown[], string]>([
    ['subscribe', ['news', FUNCTION], `subscribe(): expected one object, received a string. ${SUBSCRIBE}`],
    [
      'subscribe',
      [{ topic: 'news', handler: FUNCTION }],
      `subscribe(): event: expected a non-empty string, received undefined. ${SUBSCRIBE}`,
    ],
    [
      'subscribe',
      [{ event: 'news', callback: FUNCTION }],
      `subscribe(): handler of "news": expected a function, received undefined. ${SUBSCRIBE}`,
    ],
    [
      'subscribeMany',
      [{ news: FUNCTION }],
      'subscribeMany(): events: expected an object of handlers by event, received undefined. ' +
        'Call it as subscribeMany({ events: { name: handler } }).',
    ],
    [
      'unsubscribe',
      ['news'],
      'unsubscribe(): expected one object, received a string. Call it as unsubscribe({ event, handler }).',
    ],
    [
      'unsubscribeMany',
      [['news']],
      'unsubscribeMany(): expected one object, received an array. Call it as unsubscribeMany({ events: ["name"] }).',
    ],
    [
      'unsubscribeMany',
      [{ events: 'news' }],
      'unsubscribeMany(): events: expected an array of names, received a string. Call it as unsubscribeMany({ events: ["name"] }).',
    ],
    ['joinRooms', [['a']], `joinRooms(): expected one object, received an array. ${JOIN}`],
    ['joinRooms', [{ rooms: 'a' }], `joinRooms(): rooms: expected an array of names, received a string. ${JOIN}`],
    ['joinRooms', [{ rooms: ['a', 5] }], `joinRooms(): rooms[1]: expected a name, received 5. ${JOIN}`],
    [
      'leaveRooms',
      ['a'],
      'leaveRooms(): expected one object, received a string. Call it as leaveRooms({ rooms: ["name"] }).',
    ],
  ])('%s(%j)', (method, args, line) => {
    const { calls, logger } = setUp();
    calls[method]?.(...args);
    expect(logger.loud).toEqual([`warn: [roomgate] tester: ${line}`]);
  });
});

describe('a wrong call throws or rejects with the right one:', () => {
  const circle: { list: unknown[] } = { list: [] };
  circle.list.push(circle);
  it.each<[string, unknown[], string]>([
    ['emit', ['news', {}], 'emit(): expected one object, received a string. Call it as emit({ topic, data }).'],
    [
      'emit',
      [{ event: 'news' }],
      'emit(): topic: expected a non-empty string, received undefined. Call it as emit({ topic, data }).',
    ],
    ['emit', [{ topic: 'a', cb: 5 }], 'emit(): cb: expected a function, received 5.'],
    [
      'emit',
      [{ topic: 'a', data: FUNCTION }],
      'emit(): data: expected a value that Socket.IO can carry, received a function. For an answer, use request().',
    ],
    [
      'emit',
      [{ topic: 'a', data: new Map() }],
      'emit(): data: expected a value that Socket.IO can carry, received an object of the class Map. Send Object.fromEntries(map), or [...map].',
    ],
    [
      'request',
      [{ topic: 'a', data: new Set() }],
      'request(): data: expected a value that Socket.IO can carry, received an object of the class Set. Send [...set].',
    ],
    [
      'emit',
      [{ topic: 'a', data: Promise.resolve(1) }],
      'emit(): data: expected a value that Socket.IO can carry, received a promise. Await the promise first.',
    ],
    [
      'request',
      [{ topic: 'a', data: Symbol('b') }],
      'request(): data: expected a value that Socket.IO can carry, received a symbol.',
    ],
    ['request', ['news'], 'request(): expected one object, received a string. Call it as request({ topic, data }).'],
    ['onStatus', [], 'onStatus(): listener: expected a function, received undefined.'],
    ['waitFor', ['conected'], 'waitFor(): there is no status "conected". Did you mean "connected"?'],
    ['waitFor', ['authenticated', 5], 'waitFor(): options: expected an object such as { timeout: 5_000 }, received 5.'],
    [
      'waitFor',
      ['authenticated', { timeout: Number.POSITIVE_INFINITY }],
      'waitFor(): timeout: expected a number of milliseconds from 0 to 2147483647, received Infinity.',
    ],
  ])('%s(%j)', async (method, args, message) => {
    const { calls } = setUp();
    await expect((async () => calls[method]?.(...args))()).rejects.toMatchObject({ code: 'invalid_argument', message });
  });
});

it('a bigint is refused with its fix', () => {
  expect(() => setUp().helper.emit({ topic: 'a', data: 1n })).toThrow(
    'emit(): data: expected a value that Socket.IO can carry, received a bigint. Send it as a string, with String(data).',
  );
});

it('a Map is accepted with toJSON(), and with a parser of the program, which may carry it', () => {
  const withJson = Object.assign(new Map(), { toJSON: () => [] });
  const call = { topic: 'a', data: new Map() };
  expect(() => setUp().helper.emit({ ...call, data: withJson })).toThrow('is not connected');
  expect(() => setUp({ parser }).helper.emit(call)).toThrow('is not connected');
});
