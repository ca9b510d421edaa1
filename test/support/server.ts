import { createServer, type Server as HttpServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { io as connectClient, type ManagerOptions, type Socket, type SocketOptions } from 'socket.io-client';
import { onTestFinished } from 'vitest';
import type { ISocketIOServerNodeOptions } from '../../src/server/options.js';
import { SocketIOServerHelper } from '../../src/server/server-helper.js';
import { LogLines } from './log-lines.js';

export interface Started {
  readonly helper: SocketIOServerHelper;
  readonly http: HttpServer;
  readonly url: string;
  readonly log: LogLines;
}

export type TestOptions = Partial<ISocketIOServerNodeOptions>;

/** An HTTP server that listens: on a free port, or on the given one. */
export async function listen(http: HttpServer = createServer(), port = 0): Promise<{ http: HttpServer; url: string }> {
  if (!http.listening) await new Promise<void>((resolve) => http.listen(port, '127.0.0.1', resolve));
  onTestFinished(() => {
    http.closeAllConnections();
    http.close();
  });
  return { http, url: `http://127.0.0.1:${(http.address() as AddressInfo).port}` };
}

/** A helper that accepts `{ token: 'good' }`, and allows rooms that start with `open`. */
export async function startServer(options: TestOptions = {}, port = 0): Promise<Started> {
  const server = options.server ?? createServer();
  const log = new LogLines();
  const helper = new SocketIOServerHelper({
    runtime: 'node',
    identifier: 'test',
    serverOptions: {},
    authenticateFn: ({ auth }) => auth.token === 'good',
    validateRoomFn: ({ rooms }) => rooms.filter((room) => room.startsWith('open')),
    logger: log,
    ...options,
    server,
  });
  onTestFinished(() => helper.shutdown());
  await helper.configure();
  // Connections before the handler exists would never be answered.
  const { http, url } = await listen(server, port);
  return { helper, http, url, log };
}

/** The events of a client, in order. */
export interface TestClient {
  readonly socket: Socket;
  /** Events and their payloads, and `disconnect` with its reason. */
  readonly heard: [event: string, payload: unknown][];
  /** The payload of the first event of this name, even if it came earlier. */
  heardOf<T = unknown>(event: string): Promise<T>;
}

export type ClientOptions = Partial<ManagerOptions & SocketOptions>;

/** A plain Socket.IO client; it connects, and does nothing else by itself. */
export function connect(url: string, options: ClientOptions = {}): TestClient {
  const socket = connectClient(url, { reconnection: false, forceNew: true, ...options });
  onTestFinished(() => {
    socket.disconnect();
  });
  const heard: [string, unknown][] = [];
  const waiting = new Set<() => void>();
  const note = (event: string, payload: unknown): void => {
    heard.push([event, payload]);
    for (const look of waiting) look();
  };
  socket.onAny(note);
  socket.on('disconnect', (reason) => note('disconnect', reason));
  socket.on('connect', () => note('connect', socket.id));
  socket.on('connect_error', (error) => note('connect_error', error.message));
  const heardOf = <T>(event: string): Promise<T> =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        const found = heard.find(([name]) => name === event);
        if (found === undefined) return;
        waiting.delete(look);
        clearTimeout(timer);
        resolve(found[1] as T);
      };
      const timer = setTimeout(() => {
        waiting.delete(look);
        reject(new Error(`"${event}" did not arrive within 10 s; received: ${JSON.stringify(heard)}`));
      }, 10_000);
      waiting.add(look);
      look();
    });
  return { socket, heard, heardOf };
}

/** An authenticated client. */
export async function connectAuthenticated(url: string, options: ClientOptions = {}): Promise<TestClient> {
  const client = connect(url, { auth: { token: 'good' }, ...options });
  await client.heardOf('connect');
  client.socket.emit('authenticate');
  await client.heardOf('authenticated');
  return client;
}

/** Resolves once this client has received everything sent before: it asks a question, and the answer arrives last. */
export async function settled({ socket }: TestClient): Promise<void> {
  await socket.timeout(10_000).emitWithAck('leave', { rooms: [] });
}

export const TRANSPORTS: readonly (readonly string[])[] = [['websocket'], ['polling'], ['polling', 'websocket']];

/** Clients can authenticate at this path, over each transport. */
export async function expectServed(url: string, path: string): Promise<void> {
  for (const transports of TRANSPORTS) {
    const client = await connectAuthenticated(url, { path, transports: [...transports] });
    client.socket.disconnect();
  }
}
