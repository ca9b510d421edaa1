import { isRecord, wrongArgument } from '../common/checks.js';
import { describe } from '../common/describe.js';
import { RoomgateError } from '../protocol/errors.js';

/** How each method is called, for errors: each takes one object. */
const CALLS = {
  subscribe: '{ event, handler }',
  subscribeMany: '{ events: { name: handler } }',
  unsubscribe: '{ event, handler }',
  unsubscribeMany: '{ events: ["name"] }',
  emit: '{ topic, data }',
  request: '{ topic, data }',
  joinRooms: '{ rooms: ["name"] }',
  leaveRooms: '{ rooms: ["name"] }',
} as const;

export type Method = keyof typeof CALLS;

/** The error for an argument of one of these methods. It shows the right call. */
export function wrongCall(method: Method, argument: string, wanted: string, given: unknown): RoomgateError {
  const { message } = wrongArgument(method, argument, wanted, given);
  return new RoomgateError('invalid_argument', `${message} ${callAs(method)}.`);
}

/** The error for a call whose argument is not one object, such as `emit('say', 'hi')`. Undefined if it is one. */
export function notOneObject(method: Method, given: unknown): RoomgateError | undefined {
  if (isRecord(given)) return undefined;
  const text = `${method}(): expected one object, received ${describe(given)}. ${callAs(method)}.`;
  return new RoomgateError('invalid_argument', text);
}

function callAs(method: Method): string {
  return `Call it as ${method}(${CALLS[method]})`;
}
