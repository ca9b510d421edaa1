import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Server, type Socket as ServerSocket } from 'socket.io';
import { SocketIOClientHelper } from '../../src/client/client-helper.js';
import type { ISocketIOClientOptions } from '../../src/client/options.js';
import { track } from './cleanup.js';
import { EventLog, eventually } from './facts.js';
import { LogLines } from './log-lines.js';
import type { RunningProxy } from './tcp-proxy.js';

/** A plain Socket.IO server that speaks the protocol without using Roomgate. */
export interface WordsServer {
  readonly io: Server;
  readonly url: string;
  readonly port: number;
  /** All events of clients, without the acknowledgement function. */
  readonly heard: EventLog<readonly unknown[]>;
  /** Its sockets, in order of connection. */
  readonly sockets: EventLog<ServerSocket>;
}

export interface WordsOptions {
  /** The answer to `authenticate`; by default `authenticated`. `null`: no answer. */
  verdict?: readonly [event: string, payload?: unknown] | null;
  /** The acknowledgement of `join` and `leave`; by default it grants everything. */
  answer?: (event: string, rooms: string[]) => unknown;
  /** Sends no acknowledgement, like servers of earlier versions. */
  silent?: boolean;
  /** Engine.IO's heartbeat settings, in milliseconds. */
  pingInterval?: number;
}

export async function startWordsServer(options: WordsOptions = {}): Promise<WordsServer> {
  const http = createServer();
  const io = new Server(http, { path: '/io', pingInterval: options.pingInterval ?? 25_000 });
  const heard = new EventLog<readonly unknown[]>();
  const sockets = new EventLog<ServerSocket>();
  const { verdict = ['authenticated', { id: 'x', time: 'now' }], answer = grantAll, silent = false } = options;
  io.on('connection', (socket) => {
    socket.onAny((...args: unknown[]) => {
      const last = args.at(-1);
      heard.push(typeof last === 'function' ? args.slice(0, -1) : args);
    });
    socket.on('authenticate', () => {
      if (verdict !== null) socket.emit(...verdict);
    });
    for (const event of ['join', 'leave']) {
      socket.on(event, ({ rooms }: { rooms: string[] }, acknowledge?: (answer: unknown) => void) => {
        if (!silent) acknowledge?.(answer(event, rooms));
      });
    }
    sockets.push(socket);
  });
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  track({
    stop: async () => {
      await io.close();
    },
  });
  const { port } = http.address() as AddressInfo;
  return { io, url: `http://127.0.0.1:${port}`, port, heard, sockets };
}

function grantAll(event: string, rooms: string[]): unknown {
  return { [event === 'join' ? 'joined' : 'left']: rooms, refused: [] };
}

export interface TestHelper {
  readonly helper: SocketIOClientHelper;
  /** The callbacks in the order of their calls, each with its argument and the status at that moment. */
  readonly calls: EventLog<readonly [name: string, argument: unknown, state: string]>;
  readonly log: LogLines;
}

type Options = Omit<Partial<ISocketIOClientOptions>, 'options'> & {
  options?: Partial<ISocketIOClientOptions['options']>;
};

/** A helper that records every callback; it is shut down at the end of the test. */
export function createHelper(host: string, options: Options = {}): TestHelper {
  const calls: TestHelper['calls'] = new EventLog();
  const log = new LogLines();
  const note = (name: string, argument?: unknown): void => calls.push([name, argument, helper.getState()]);
  const helper = new SocketIOClientHelper({
    identifier: 'tester',
    host,
    onConnected: () => note('onConnected'),
    onDisconnected: (reason) => note('onDisconnected', reason),
    onError: (error) => note('onError', error),
    onAuthenticated: () => note('onAuthenticated'),
    onUnauthenticated: (message) => note('onUnauthenticated', message),
    logger: log,
    ...options,
    options: { path: '/io', reconnectionDelay: 20, reconnectionDelayMax: 20, ...options.options },
  });
  track({ stop: () => helper.shutdown() });
  return { helper, calls, log };
}

/** Resolves once the callback has run; immediately if it has already. */
export async function called({ calls }: TestHelper, name: string): Promise<readonly [string, unknown, string]> {
  return calls.next((call) => call[0] === name, { what: `the callback ${name}` });
}

/** An authenticated helper. */
export async function createAuthenticated(host: string, options: Options = {}): Promise<TestHelper> {
  const created = createHelper(host, options);
  await called(created, 'onConnected');
  created.helper.authenticate();
  await called(created, 'onAuthenticated');
  return created;
}

export const CLIENT_TRANSPORTS = [['websocket'], ['polling'], ['polling', 'websocket']];

/**
 * Cuts a client's connection until the client notices. Long polling may have no open connection to cut at a given
 * moment.
 */
export async function lose(helper: SocketIOClientHelper, proxy: RunningProxy): Promise<void> {
  let isLost = false;
  const lost = helper.waitFor('waiting').then(() => {
    isLost = true;
  });
  await eventually(() => {
    if (!isLost) proxy.cut();
    return isLost;
  });
  await lost;
}
