import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Redis, type RedisOptions } from 'ioredis';
import { Server } from 'socket.io';
import { io as connect } from 'socket.io-client';
import { createRedisBackplane } from '../../src/backplane/redis/redis-backplane.js';
import type { BackplaneReport } from '../../src/backplane/reports.js';
import type { AdapterFactory, Backplane } from '../../src/ports/backplane.js';
import type { Reporter } from '../../src/ports/reports.js';
import { SocketSearch } from '../../src/rooms/socket-search.js';
import { defer } from './cleanup.js';
import { eventually, nextEvent } from './facts.js';

/** Omits `replyMapping`: it changes the types of ioredis' replies, which no test here uses. */
type RedisClientOptions = Omit<RedisOptions, 'replyMapping'>;
type RedisConnection = Parameters<typeof createRedisBackplane>[0]['redisConnection'];

/** A client with default settings, closed at the end of the test. Errors are ignored. */
export function redisClient(port: number, options: RedisClientOptions = {}): Redis {
  const client = new Redis({ host: '127.0.0.1', port, lazyConnect: true, ...options });
  client.on('error', () => undefined);
  defer(() => client.disconnect());
  return client;
}

/** A client with access to its duplicates, the backplane's connections, by the suffix of their name. */
export function openClient(port: number, options: RedisClientOptions = {}) {
  const client = redisClient(port, options);
  const made: Redis[] = [];
  return {
    /** New connections go to this port. */
    moveTo(port: number): void {
      client.options.port = port;
    },
    duplicate(overrides: RedisClientOptions): Redis {
      const connection = client.duplicate(overrides);
      made.push(connection);
      return connection;
    },
    /** The latest connection with that role. */
    connection(role: 'publisher' | 'subscriber' | 'emitter'): Redis {
      const found = made.findLast(({ options }) => options.connectionName?.endsWith(`:${role}`));
      if (found === undefined) throw new Error(`the client made no ${role} connection`);
      return found;
    },
  };
}

/**
 * Resolves once Redis has answered the commands of the last tick, except on closed connections, which answer nothing.
 */
export async function answered(client: ReturnType<typeof openClient>): Promise<void> {
  const roles = ['publisher', 'subscriber', 'emitter'] as const;
  await Promise.allSettled(roles.map((role) => client.connection(role).ping()));
}

/** A plain Socket.IO server over a backplane, without a gate. */
export interface PlainInstance {
  readonly backplane: Backplane;
  /** Uses the Bus of the backplane. */
  readonly search: SocketSearch;
  readonly io: Server;
  readonly url: string;
  readonly reports: BackplaneReport[];
  reported<T extends BackplaneReport['type']>(type: T): Extract<BackplaneReport, { type: T }>[];
}

export interface PlainInstanceOptions {
  readonly redisConnection: RedisConnection;
  readonly identifier?: string;
  readonly key?: string;
  readonly sockets?: readonly string[];
}

/** A plain Socket.IO server with its own backplane on Redis. */
export function startNode({
  redisConnection,
  identifier = 'node',
  key,
  sockets = [],
}: PlainInstanceOptions): Promise<PlainInstance> {
  return startOver((report) => createRedisBackplane({ redisConnection, identifier, key, report }), sockets);
}

/** A plain Socket.IO server over any backplane. `sockets`: the ids that the backplane reports as local. */
export async function startOver(
  create: (report: Reporter<BackplaneReport>) => Backplane | Promise<Backplane>,
  sockets: readonly string[] = [],
): Promise<PlainInstance> {
  const reports: BackplaneReport[] = [];
  const backplane = await create((report) => reports.push(report));
  const search = new SocketSearch(backplane.bus, (id) => sockets.includes(id));
  await backplane.open(5_000);
  const { io, url } = await startPlain(backplane.adapterFactory());
  defer(() => backplane.close(500));
  const reported = <T extends BackplaneReport['type']>(type: T) =>
    reports.filter((report): report is Extract<BackplaneReport, { type: T }> => report.type === type);
  return { backplane, search, io, url, reports, reported };
}

/** A Socket.IO server that uses nothing of Roomgate except the adapter, if one is given. */
export async function startPlain(factory: AdapterFactory | undefined): Promise<{ io: Server; url: string }> {
  const http = createServer();
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  const io = new Server(http, { serveClient: false });
  if (factory !== undefined) io.adapter(factory as never);
  defer(() => io.close());
  return { io, url: `http://127.0.0.1:${(http.address() as AddressInfo).port}` };
}

/** A real client of the server at `url`, with the numbers that it received in event `n`. */
export async function listener(url: string): Promise<{ readonly heard: number[]; readonly id: string }> {
  const socket = connect(url, { transports: ['websocket'], forceNew: true });
  defer(() => socket.disconnect());
  const heard: number[] = [];
  socket.on('n', (value: number) => heard.push(value));
  await nextEvent(socket, 'connect');
  return { heard, id: socket.id ?? '' };
}

/** True if each number arrived at most once, in ascending order. */
export function inOrder(numbers: readonly number[]): boolean {
  return numbers.every((value, index) => index === 0 || value > (numbers[index - 1] ?? 0));
}

/** Sends until the other instance receives it: then both directions are open. Returns the next free number. */
export async function sendUntilHeard(
  from: PlainInstance,
  to: { readonly heard: number[] },
  start: number,
): Promise<number> {
  let next = start;
  await eventually(
    () => {
      from.io.emit('n', next++);
      return to.heard.some((value) => value >= start);
    },
    { what: 'a number that the other instance received', timeout: 15_000 },
  );
  return next;
}
