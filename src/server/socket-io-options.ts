import { hasMethods, milliseconds, wrongOption } from '../common/checks.js';
import { describe } from '../common/describe.js';

type Check = (of: string, option: string, value: unknown) => void;

const TRANSPORTS: readonly unknown[] = ['polling', 'websocket', 'webtransport'];

const time: Check = (of, option, value) => void milliseconds(of, option, value, 0, 0);
/** For options where Socket.IO treats every falsy value as "none". */
const unlessNone =
  (check: Check): Check =>
  (of, option, value) => {
    if (value) check(of, option, value);
  };

/**
 * Wrong values here make Socket.IO throw an error that names no option, or fail at each client: a timeout of NaN ends each
 * connection immediately, and a size that is not a number limits nothing.
 */
const CHECKS: Readonly<Record<string, Check>> = {
  pingTimeout: time,
  pingInterval: time,
  upgradeTimeout: time,
  connectTimeout: time,
  maxHttpBufferSize: (of, option, value) => {
    if (!(typeof value === 'number' && value > 0)) throw wrongOption(of, option, 'a number of bytes', value);
  },
  transports: (of, option, value) => {
    const isKnown = Array.isArray(value) && value.length > 0 && value.every((one) => TRANSPORTS.includes(one));
    if (!isKnown) throw wrongOption(of, option, `an array of ${TRANSPORTS.join(', ')}`, value, listed(value));
  },
  allowRequest: unlessNone((of, option, value) => {
    if (typeof value !== 'function') throw wrongOption(of, option, 'a function', value);
  }),
  adapter: unlessNone((of, option, value) => {
    if (typeof value === 'function') return;
    throw wrongOption(of, option, 'the result of createAdapter() of an adapter package', value);
  }),
  parser: unlessNone((of, option, value) => {
    if (hasMethods(value, ['Encoder', 'Decoder'])) return;
    throw wrongOption(of, option, 'an object with the classes Encoder and Decoder', value);
  }),
};

/** Checks options of Socket.IO. Options that are not listed here are not checked. @throws RoomgateError */
export function checkSocketIOOptions(of: string, options: object): void {
  for (const [name, value] of Object.entries(options)) {
    const check = Object.hasOwn(CHECKS, name) ? CHECKS[name] : undefined;
    if (value !== undefined) check?.(of, `serverOptions.${name}`, value);
  }
}

/** A list with its names, because these are not secret. */
function listed(value: unknown): string {
  if (!Array.isArray(value) || value.length === 0) return describe(value);
  const names = value.map((one: unknown) => (typeof one === 'string' ? `"${one.slice(0, 20)}"` : describe(one)));
  return `[${names.slice(0, 5).join(', ')}]`;
}
