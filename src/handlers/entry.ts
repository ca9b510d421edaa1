import { checkOneObject, isRecord, wrongArgument } from '../common/checks.js';
import { checkFields, needDuration } from '../common/method-arguments.js';
import { programCodes } from '../common/program-codes.js';
import { needSchema } from '../common/schemas.js';
import type { HandlerCall } from '../ports/handlers.js';
import { RoomgateError } from '../protocol/errors.js';
import { INTERNAL_PREFIX, isReservedTopic, SocketIOConstants } from '../protocol/events.js';
import type { Schema } from '../protocol/schema.js';
import { TopicRate } from './topic-rate.js';

/** A handler of the program, checked. */
export interface Entry {
  readonly topic: string;
  readonly input: Schema | undefined;
  readonly output: Schema | undefined;
  /** The codes that the handler may answer with; undefined for any. */
  readonly errors: ReadonlySet<string> | undefined;
  readonly memberOf: ((data: unknown) => unknown) | undefined;
  readonly rate: TopicRate | undefined;
  readonly handler: (call: HandlerCall) => unknown;
}

const EXAMPLE = '{ topic, handler }';
const NAMES = ['topic', 'input', 'output', 'errors', 'memberOf', 'limit', 'handler'];
/** Events that Roomgate handles itself, and those of the Socket.IO server. */
const RESERVED: ReadonlyMap<string, string> = new Map([
  [SocketIOConstants.EVENT_AUTHENTICATE, 'Write an authenticateFn.'],
  [SocketIOConstants.EVENT_JOIN, 'Write a validateRoomFn.'],
  [SocketIOConstants.EVENT_LEAVE, 'The library handles it.'],
  ['connection', 'Write on({ topic: "connection", handler }).'],
  ['new_namespace', 'Write on({ topic: "new_namespace", handler }).'],
]);

/** @throws RoomgateError `invalid_argument`, naming the argument of `handle()`, the expected and the received value. */
export function readEntry(opts: unknown): Entry {
  checkOneObject('handle', opts, EXAMPLE);
  checkFields('handle', opts, NAMES);
  const { memberOf, handler } = opts;
  if (typeof handler !== 'function') throw wrongArgument('handle', 'handler', 'a function', handler);
  if (memberOf !== undefined && typeof memberOf !== 'function') {
    const fix = 'For example: (data) => data.room.';
    throw wrongArgument('handle', 'memberOf', 'a function that returns the name of a room', memberOf, fix);
  }
  return {
    topic: topicOf(opts.topic),
    input: schemaOf('input', opts.input),
    output: schemaOf('output', opts.output),
    errors: errorsOf(opts.errors),
    memberOf: memberOf as Entry['memberOf'],
    rate: rateOf(opts.limit),
    handler: handler as Entry['handler'],
  };
}

function topicOf(topic: unknown): string {
  if (typeof topic !== 'string' || topic === '') throw wrongArgument('handle', 'topic', 'a non-empty string', topic);
  const fix = RESERVED.get(topic);
  if (fix !== undefined) throw reserved(topic, fix);
  if (topic.startsWith(INTERNAL_PREFIX))
    throw reserved(topic, `Names with "${INTERNAL_PREFIX}" are the library's own.`);
  if (isReservedTopic(topic)) throw reserved(topic, 'It is an event of Socket.IO: listen to it on each socket.');
  return topic;
}

function reserved(topic: string, fix: string): RoomgateError {
  return new RoomgateError('invalid_argument', `handle(): topic: "${topic}" is reserved. ${fix}`);
}

function schemaOf(name: string, schema: unknown): Schema | undefined {
  return schema === undefined ? undefined : needSchema('handle', name, schema);
}

function errorsOf(errors: unknown): ReadonlySet<string> | undefined {
  return errors === undefined ? undefined : new Set(programCodes('handle', 'errors', errors));
}

function rateOf(limit: unknown): TopicRate | undefined {
  if (limit === undefined) return undefined;
  const fix = 'For example: { messages: 10, per: 1_000 }.';
  if (!isRecord(limit)) throw wrongArgument('handle', 'limit', '{ messages, per }', limit, fix);
  checkFields('handle', limit, ['messages', 'per']);
  const { messages } = limit;
  if (typeof messages !== 'number' || !Number.isInteger(messages) || messages < 1) {
    throw wrongArgument('handle', 'limit.messages', 'a whole number of 1 or more', messages, fix);
  }
  return new TopicRate({ messages, per: needDuration('handle', 'limit.per', limit.per) });
}
