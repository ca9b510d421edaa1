import type { ManagerOptions, SocketOptions } from 'socket.io-client';
import { checkLogger, milliseconds, wrongOption } from '../protocol/checks.js';
import type { RoomgateError } from '../protocol/errors.js';
import type { ILogger, ValueOrPromise } from '../protocol/types.js';

/** All of socket.io-client's options. They are handed on as they are. */
export interface IOptions extends Omit<Partial<ManagerOptions & SocketOptions>, 'path' | 'extraHeaders'> {
  /** The path of the server's Socket.IO endpoint: its `serverOptions.path`. Socket.IO's own default is `/socket.io`. */
  path: string;
  /** Headers of each request. Browsers send them over HTTP long polling only. */
  // biome-ignore lint/suspicious/noExplicitAny: the contract's type
  extraHeaders?: Record<string | symbol | number, any> | undefined;
}

/** The options of `SocketIOClientHelper`. What a callback throws or rejects with is caught and logged. */
export interface ISocketIOClientOptions {
  /** Names this client in log lines. */
  identifier: string;
  /** The server's address, as Socket.IO takes it: `https://example.org`, or with a namespace `https://example.org/chat`. */
  host: string;
  options: IOptions;
  /** The connection stands, also after a reconnect; the usual place to call `authenticate()`. */
  onConnected?: (() => ValueOrPromise<void>) | undefined;
  /** The connection ended, for one of Socket.IO's reasons. Not called by `shutdown()`. */
  onDisconnected?: ((reason: string) => ValueOrPromise<void>) | undefined;
  /** An attempt to connect failed. Without this callback it is logged as a warning. */
  onError?: ((error: Error) => ValueOrPromise<void>) | undefined;
  /** The server let this client in; `getState()` says so already. */
  onAuthenticated?: (() => ValueOrPromise<void>) | undefined;
  /** The server did not let this client in, or does not any more. The message is for its user; empty where none came. */
  onUnauthenticated?: ((message: string) => ValueOrPromise<void>) | undefined;
  /**
   * Where log lines go; they carry neither payloads nor credentials. Default: warnings, errors and what `doLog`
   * asks for to the console. `false`: nothing at all.
   */
  logger?: ILogger | false | undefined;
  /**
   * Milliseconds until `joinRooms` and `leaveRooms` stop waiting for the server's answer. Default 5 000: well above the
   * second that a cluster may need to decide.
   */
  roomsTimeout?: number | undefined;
}

const CALLBACKS = ['onConnected', 'onDisconnected', 'onError', 'onAuthenticated', 'onUnauthenticated'] as const;
const OF = 'SocketIOClientHelper';

/** @throws RoomgateError `invalid_option`, naming the option, what was given and what is wanted. */
export function checkOptions(given: unknown): void {
  if (!isObject(given)) throw wrong('options', 'an object with identifier, host and options', given);
  for (const name of ['identifier', 'host']) {
    const value = given[name];
    if (typeof value !== 'string' || value === '') throw wrong(name, 'a string that is not empty', value);
  }
  if (!isObject(given.options)) throw wrong('options', "an object with socket.io-client's options", given.options);
  for (const name of CALLBACKS) {
    const value = given[name] ?? undefined;
    if (value !== undefined && typeof value !== 'function') throw wrong(name, 'a function', value);
  }
  checkLogger(OF, given.logger);
  milliseconds(OF, 'roomsTimeout', given.roomsTimeout, 0, 1);
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function wrong(option: string, wanted: string, given: unknown): RoomgateError {
  return wrongOption(OF, option, wanted, given);
}
