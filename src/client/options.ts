import {
  checkCallback,
  checkLogger,
  hasMethods,
  isRecord,
  milliseconds,
  trueOrFalse,
  wrongOption,
} from '../common/checks.js';
import { describe } from '../common/describe.js';
import { checkNames } from '../common/known-options.js';
import { checkLogLevel } from '../common/log-level.js';
import { shown } from '../common/log-text.js';
import type { ILogger, TLogLevel } from '../common/types.js';
import { RoomgateError } from '../protocol/errors.js';
import type { IJoinAnswer } from '../protocol/messages.js';
import type { TCredentials } from './credentials.js';
import { isAddress } from './host.js';
import type { ManagerOptions, SocketOptions } from './socket-io-types.js';
import type { ISocketIOClientStatus } from './status.js';

/** The options of socket.io-client, except `retries`. The documentation lists what the helper does with each. */
export interface IOptions extends Omit<Partial<ManagerOptions & SocketOptions>, 'path' | 'extraHeaders'> {
  /** The path of the server's Socket.IO endpoint: its `serverOptions.path`. Socket.IO's own default is `/socket.io`. */
  path: string;
  /** Headers of each request. Browsers send them over HTTP long polling only. */
  // biome-ignore lint/suspicious/noExplicitAny: a value may be anything that socket.io-client takes
  extraHeaders?: Record<string | symbol | number, any> | undefined;
}

/** The limits of the queue of `emit` while this client is not authenticated. */
export interface IQueueOptions {
  /** Messages. Default 100; one more makes `emit` throw `queue_full`. */
  max?: number | undefined;
  /** Milliseconds that one message may wait. Default 30 000; then its `cb` is called with the error `expired`. */
  ttl?: number | undefined;
}

/** The options of `SocketIOClientHelper`. Errors and rejections of a callback are caught and logged. */
export interface ISocketIOClientOptions {
  /** Names this client in log lines. */
  identifier: string;
  /** The server's address, as Socket.IO takes it: `https://example.org`, or with a namespace `https://example.org/chat`. */
  host: string;
  /** The options of socket.io-client. `path` must be that of the server. */
  options: IOptions;
  /**
   * Returns the credentials for each attempt to connect. They become the handshake's `auth`, in place of `options.auth`. `reason` is
   * `connect` until the first connection after the construction or `connect()`, and `reconnect` after that. The server's deadline
   * runs meanwhile.
   *
   * With `renew` it returns new ones for a live connection whose access ends: 5 minutes before the end, or at half of an access that
   * is shorter than 10 minutes. Clients whose access began together renew over up to 300 s.
   *
   * `null` means that nobody is signed in: the client disconnects, until `connect()`. If it throws or rejects, `onError` gets a
   * `RoomgateError` of code `credentials_failed`, and the next attempt asks again; a failed renewal is logged and tried again within
   * 60 s. Credentials that the server has refused are not sent a second time: a renewal asks again, and an attempt to connect ends
   * with the status `refused`, until `connect()`.
   * @example credentials: async ({ reason }) => ({ token: await fetchToken({ fresh: reason !== 'connect' }) })
   */
  credentials?: TCredentials | undefined;
  /**
   * Whether this client authenticates automatically after each connect, and then requests the rooms of `joinRooms` again. Default: true
   * with `credentials`, otherwise false: then the program calls `authenticate()`.
   */
  autoAuthenticate?: boolean | undefined;
  /**
   * Whether messages of `emit` are queued while this client is not authenticated. They are sent in order and once, when it is
   * authenticated and has its rooms again. If one can't be sent, its `cb` gets an error: none is sent as another user. Default: no queue, and `emit` throws
   * without a connection. `true` uses both defaults.
   */
  queue?: boolean | IQueueOptions | undefined;
  /** The connection is open, after the first connect and each reconnect: the usual place to call `authenticate()`. */
  onConnected?: (() => unknown) | undefined;
  /** The connection ended, for one of Socket.IO's reasons. Not called by `shutdown()`. */
  onDisconnected?: ((reason: string) => unknown) | undefined;
  /** An attempt to connect failed. Without this callback it is logged as a warning. */
  onError?: ((error: Error) => unknown) | undefined;
  /** The server has authenticated this client. `getState()` returns `authenticated` already. */
  onAuthenticated?: (() => unknown) | undefined;
  /** The server refused this client, or ended its authentication. The message is for its user; empty if there was none. */
  onUnauthenticated?: ((message: string) => unknown) | undefined;
  /**
   * With automatic authentication: the answer to the request after a reconnect for all rooms of `joinRooms`. Called again after
   * another request for rooms that were refused for a temporary reason. Without this callback refusals are logged as a warning.
   */
  onRoomsRejoined?: ((answer: IJoinAnswer) => unknown) | undefined;
  /** The status changed. The same as `onStatus()`, from the very beginning; the only callback that `shutdown()` calls. */
  onStatusChanged?: ((status: ISocketIOClientStatus) => unknown) | undefined;
  /**
   * The logger: any object with the methods `debug`, `info`, `warn` and `error`. Default: the console, which shows warnings, errors
   * and lines that `doLog` requests. `false`: nothing is logged. Lines contain neither payloads nor credentials.
   */
  logger?: ILogger | false | undefined;
  /**
   * The lowest level of lines that are written: `debug`, `info`, `warn`, `error` or `silent`. Default: the environment variable
   * `ROOMGATE_LOG` for the console, where there is one, else `warn`; every level for a `logger` of your own.
   */
  logLevel?: TLogLevel | undefined;
  /**
   * Milliseconds until this client stops waiting for the server's answer to `authenticate`. Then `onError` is called with a
   * `RoomgateError` of code `timed_out`, and the client leaves the namespace and reconnects after a delay. Default 20 000: twice the
   * server's `authenticateTimeout`. Raise both together.
   */
  authenticateTimeout?: number | undefined;
  /**
   * Milliseconds until `joinRooms` and `leaveRooms` stop waiting for the server's answer. Default 5 000: well above the
   * second that a cluster may need to decide.
   */
  roomsTimeout?: number | undefined;
}

/** The names of all options. The compiler fails if one is added to the type and not here. */
const NAMES = Object.keys({
  ...{ identifier: 0, host: 0, options: 0, credentials: 0, autoAuthenticate: 0, queue: 0, logger: 0, logLevel: 0 },
  ...{ onConnected: 0, onDisconnected: 0, onError: 0, onAuthenticated: 0, onUnauthenticated: 0 },
  ...{ onRoomsRejoined: 0, onStatusChanged: 0, authenticateTimeout: 0, roomsTimeout: 0 },
} satisfies Record<keyof ISocketIOClientOptions, 0>);
const FOR_SOCKET_IO = 'If it is an option of socket.io-client, put it into "options"';
const FUNCTIONS = [
  'onConnected',
  'onDisconnected',
  'onError',
  'onAuthenticated',
  'onUnauthenticated',
  'onRoomsRejoined',
  'onStatusChanged',
] as const;
const OF = 'SocketIOClientHelper';
const wrong = wrongOption.bind(undefined, OF);
const TRANSPORTS: ReadonlySet<unknown> = new Set(['polling', 'websocket', 'webtransport']);
const NO_RETRIES =
  `${OF}: option "options.retries" is not supported, because \`authenticate\` is never acknowledged and would be repeated. ` +
  'Remove it, and use the option "queue" for events that are emitted while the client is not connected.';

/**
 * Returns a warning for each option that does not exist.
 * @throws RoomgateError `invalid_option`, naming the option, the expected and the received value.
 */
export function checkOptions(given: unknown): readonly string[] {
  if (!isRecord(given)) {
    const text = `${OF}: expected one object, as in new ${OF}({ identifier, host, options: { path } }), received ${describe(given)}.`;
    throw new RoomgateError('invalid_option', text);
  }
  const unknown = [...checkNames(OF, given, NAMES)];
  for (const name of ['identifier', 'host']) {
    const value = given[name];
    if (typeof value === 'string' && value !== '') continue;
    const { message } = wrong(name, 'a non-empty string', value);
    const hint = unknown.length === 0 ? '' : ` There is no option "${unknown.join('", "')}".`;
    throw new RoomgateError('invalid_option', `${message}${hint}`);
  }
  checkHost(String(given.host));
  if (!isRecord(given.options)) throw wrong('options', "an object with socket.io-client's options", given.options);
  // With it Socket.IO sends nothing before the server has acknowledged what was sent before, `authenticate` included.
  if (given.options.retries) throw new RoomgateError('invalid_option', NO_RETRIES);
  checkForSocketIO(given.options);
  if (given.credentials !== undefined && typeof given.credentials !== 'function') {
    throw wrong('credentials', 'a function such as async () => ({ token })', given.credentials);
  }
  for (const name of FUNCTIONS) {
    checkCallback(OF, name, given[name]);
  }
  trueOrFalse(OF, 'autoAuthenticate', given.autoAuthenticate, false);
  if (isRecord(given.queue)) unknown.push(...checkNames(OF, given.queue, ['max', 'ttl'], 'queue'));
  checkQueue(given.queue);
  checkLogger(OF, given.logger);
  checkLogLevel(OF, given.logLevel);
  milliseconds(OF, 'roomsTimeout', given.roomsTimeout, 0, 1);
  milliseconds(OF, 'authenticateTimeout', given.authenticateTimeout, 0, 1);
  return unknown.map((name) => {
    const advice = name.startsWith('queue.') ? '"queue" takes max and ttl' : FOR_SOCKET_IO;
    return `${OF}: option "${name}" does not exist and has no effect. ${advice}`;
  });
}

function checkHost(host: string): void {
  if (isAddress(host)) return;
  // A password is not shown.
  const description = host.includes('@') ? 'another text' : quoted(host);
  throw wrong('host', 'an address such as "https://example.org" or "http://localhost:3000"', host, description);
}

/** Checks values at which socket.io-client would throw its own error, or fail again and again without a reason. */
function checkForSocketIO({
  path,
  transports,
  parser,
  auth,
  timeout,
  ...options
}: Readonly<Record<string, unknown>>): void {
  if (path !== undefined && !(typeof path === 'string' && path.startsWith('/'))) {
    throw wrong('options.path', 'a path that begins with "/", such as "/io"', path, quoted(path));
  }
  checkTransports(transports);
  if (parser !== undefined && !hasMethods(parser, ['Encoder', 'Decoder'])) {
    throw wrong('options.parser', 'an object with the classes Encoder and Decoder', parser);
  }
  if (timeout !== false) milliseconds(OF, 'options.timeout', timeout, 0, 1);
  for (const name of ['reconnectionDelay', 'reconnectionDelayMax'])
    milliseconds(OF, `options.${name}`, options[name], 0, 0);
  for (const name of ['reconnectionAttempts', 'randomizationFactor']) {
    const value = options[name];
    if (value !== undefined && !(typeof value === 'number' && value >= 0))
      throw wrong(`options.${name}`, 'a number of 0 or more', value);
  }
  // Socket.IO's server closes the connection at any other value.
  if (auth && typeof auth !== 'function' && !(isRecord(auth) && isJson(auth))) {
    throw wrong('options.auth', 'an object that can be put into JSON, such as { token }', auth);
  }
}

function checkTransports(transports: unknown): void {
  if (transports === undefined) return;
  const wanted = `${[...TRANSPORTS].join(', ')} or a class`;
  if (!Array.isArray(transports) || transports.length === 0) {
    throw wrong('options.transports', `an array of ${wanted}`, transports);
  }
  for (const [at, one] of transports.entries()) {
    if (typeof one === 'function' || TRANSPORTS.has(one)) continue;
    throw wrong(`options.transports[${at}]`, wanted, one, quoted(one));
  }
}

/** Shows a text that is no secret; other values by their kind. */
function quoted(value: unknown): string {
  return typeof value === 'string' ? `"${shown(value)}"` : describe(value);
}

function isJson(value: object): boolean {
  try {
    JSON.stringify(value);
    return true;
  } catch {
    return false;
  }
}

function checkQueue(queue: unknown): void {
  if (queue === undefined || typeof queue === 'boolean') return;
  if (!isRecord(queue)) throw wrong('queue', 'a boolean or an object with max and ttl', queue);
  const { max = 1 } = queue;
  if (!(typeof max === 'number' && Number.isInteger(max) && max >= 1))
    throw wrong('queue.max', 'a whole number of 1 or more', max);
  milliseconds(OF, 'queue.ttl', queue.ttl, 0, 1);
}
