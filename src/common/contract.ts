import { RoomgateError } from '../protocol/errors.js';
import { isReservedTopic, SocketIOConstants } from '../protocol/events.js';
import type { Schema, SchemaInput, SchemaOutput } from '../protocol/schema.js';
import { checkOneObject, isRecord, wrongArgument } from './checks.js';
import { shown } from './log-text.js';
import { checkFields } from './method-arguments.js';
import { programCodes } from './program-codes.js';
import { isSchema, needSchema } from './schemas.js';

/** A topic that clients send. */
export interface ContractTopic {
  /** The data. Without it the topic has none. */
  readonly input?: Schema | undefined;
  /** The answer. Without it the answer is empty. */
  readonly output?: Schema | undefined;
  /** The codes of the program's own errors. Without it there are none. */
  readonly errors?: readonly string[] | undefined;
}

/** The topics between clients and servers of a program. */
export interface Contract {
  /** From clients to servers. */
  readonly up: Readonly<Record<string, ContractTopic>>;
  /** From servers to clients: a schema of the data. */
  readonly down: Readonly<Record<string, Schema>>;
}

/** The codes of the program that a topic of a contract lists. */
export type ContractCode<Topic> = Topic extends { readonly errors: readonly (infer Code extends string)[] }
  ? Code
  : never;

/** The event map of what clients send: the `EmitEvents` of the client helper, and the `ListenEvents` of the server. */
export type UpEvents<C extends Contract> = {
  [T in keyof C['up'] & string]: C['up'][T] extends { readonly input: infer Input extends Schema }
    ? (data: SchemaInput<Input>, acknowledge?: ContractAcknowledge<C['up'][T]>) => void
    : (acknowledge?: ContractAcknowledge<C['up'][T]>) => void;
};

/** The acknowledgement of a topic. Its answer is what the schema `output` returns. */
export type ContractAcknowledge<Topic> = Topic extends { readonly output: infer Output extends Schema }
  ? (answer: SchemaOutput<Output>) => void
  : () => void;

/** The event map of what servers send: the `ListenEvents` of the client helper, and the `EmitEvents` of the server and the emitter. */
export type DownEvents<C extends Contract> = {
  [T in keyof C['down'] & string]: (data: SchemaInput<C['down'][T]>) => void;
};

const METHOD = 'defineContract';
const EXAMPLE = '{ up: { say: { input: z.string() } }, down: { said: z.string() } }';
/** Events that mean something else at the receiver. */
const RESERVED: Readonly<Record<keyof Contract, readonly string[]>> = {
  up: [
    SocketIOConstants.EVENT_AUTHENTICATE,
    SocketIOConstants.EVENT_JOIN,
    SocketIOConstants.EVENT_LEAVE,
    ...[SocketIOConstants.EVENT_CONNECT, 'new_namespace'],
  ],
  down: [SocketIOConstants.EVENT_AUTHENTICATED, SocketIOConstants.EVENT_UNAUTHENTICATE, SocketIOConstants.EVENT_PING],
};

/**
 * One list of all topics, with schemas of their data and answers, for both ends. `UpEvents` and `DownEvents` turn it into the event maps of
 * both helpers, and `handle()` checks what arrives by it. The schemas are those of any library with the Standard Schema interface, such as
 * zod, valibot and arktype. The types are those of the values that travel.
 *
 * @returns a frozen copy.
 * @throws RoomgateError `invalid_argument` for a reserved topic, a code of the library, and anything that is no schema.
 * @example
 * export const contract = defineContract({
 *   up: { say: { input: z.object({ text: z.string() }), output: z.object({ id: z.string() }), errors: ['away'] } },
 *   down: { said: z.object({ text: z.string() }) },
 * });
 */
export function defineContract<const C extends Contract>(contract: C): C {
  checkOneObject(METHOD, contract, EXAMPLE);
  checkFields(METHOD, contract, ['up', 'down']);
  const up = topicsOf('up', contract.up).map(([topic, entry]) => [topic, readTopic(`up.${shown(topic)}`, entry)]);
  const down = topicsOf('down', contract.down).map(([topic, schema]) => [
    topic,
    needSchema(METHOD, `down.${shown(topic)}`, schema),
  ]);
  const defined: object = { up: Object.freeze(Object.fromEntries(up)), down: Object.freeze(Object.fromEntries(down)) };
  // The compiler can't follow the fields through the copy.
  return Object.freeze(defined) as C;
}

function topicsOf(direction: keyof Contract, topics: unknown): [topic: string, entry: unknown][] {
  if (!isRecord(topics)) throw wrongArgument(METHOD, direction, 'an object of topics', topics, `Write ${EXAMPLE}.`);
  for (const topic of Object.keys(topics)) {
    if (topic !== '' && !isReservedTopic(topic) && !RESERVED[direction].includes(topic)) continue;
    const text = `${METHOD}(): ${direction}: the topic "${shown(topic)}" is reserved. Use another name.`;
    throw new RoomgateError('invalid_argument', text);
  }
  return Object.entries(topics);
}

/** The spread into `handle()` has all codes that its handler may use, so a topic without `errors` gets none. */
function readTopic(path: string, entry: unknown): ContractTopic {
  if (!isRecord(entry) || isSchema(entry)) {
    const fix = isSchema(entry) ? 'Write { input: schema }.' : undefined;
    throw wrongArgument(METHOD, path, 'an object with input, output and errors', entry, fix);
  }
  checkFields(METHOD, entry, ['input', 'output', 'errors']);
  const { input, output, errors } = entry;
  return Object.freeze({
    ...(input === undefined ? {} : { input: needSchema(METHOD, `${path}.input`, input) }),
    ...(output === undefined ? {} : { output: needSchema(METHOD, `${path}.output`, output) }),
    errors: Object.freeze(errors === undefined ? [] : programCodes(METHOD, `${path}.errors`, errors)),
  });
}
