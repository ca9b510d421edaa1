import { RoomgateError } from '../protocol/errors.js';

const DATA_NAMES: readonly string[] = ['payload', 'message', 'body', 'args'];

/** With another name for the data the message would be sent without any. @throws RoomgateError `invalid_argument`. */
export function refuseOtherData(method: string, path: string, message: object): void {
  if ('data' in message) return;
  const name = Object.keys(message).find((one) => DATA_NAMES.includes(one));
  if (name === undefined) return;
  const text = `${method}(): "${path}${name}" does not exist. Did you mean "${path}data"?`;
  throw new RoomgateError('invalid_argument', text);
}
