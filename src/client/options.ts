import type { ManagerOptions, SocketOptions } from 'socket.io-client';
import { describe } from '../protocol/describe.js';
import { RoomgateError } from '../protocol/errors.js';
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
   * Where log lines go; they carry neither payloads nor credentials. Default: warnings and errors to the console and
   * nothing else. `false`: nothing at all.
   */
  logger?: ILogger | false | undefined;
  /**
   * Milliseconds until `joinRooms` and `leaveRooms` stop waiting for the server's answer. Default 5 000: well above the
   * second that a cluster may need to decide.
   */
  roomsTimeout?: number | undefined;
}

const CALLBACKS = ['onConnected', 'onDisconnected', 'onError', 'onAuthenticated', 'onUnauthenticated'] as const;
const LOG_METHODS = ['debug', 'info', 'warn', 'error'] as const;

/** Longer timers fire at once, on every runtime. */
const LONGEST_TIMER_MS = 2_147_483_647;

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
  const { logger, roomsTimeout } = given;
  if (logger !== undefined && logger !== false && !isLogger(logger)) {
    throw wrong('logger', `false or an object with the methods ${LOG_METHODS.join(', ')}`, logger);
  }
  if (roomsTimeout !== undefined && !isDelay(roomsTimeout)) {
    throw wrong('roomsTimeout', `a number of milliseconds from 1 to ${LONGEST_TIMER_MS}`, roomsTimeout);
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isLogger(value: unknown): boolean {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return false;
  return LOG_METHODS.every((method) => typeof (value as Record<string, unknown>)[method] === 'function');
}

function isDelay(value: unknown): boolean {
  return typeof value === 'number' && value >= 1 && value <= LONGEST_TIMER_MS;
}

function wrong(option: string, wanted: string, given: unknown): RoomgateError {
  const text = `SocketIOClientHelper: option "${option}": ${wanted} is wanted, ${describe(given)} was given.`;
  return new RoomgateError('invalid_option', text);
}
