import { randomUUID } from 'node:crypto';
import type { Adapter } from 'socket.io-adapter';
import { withinOr } from '../common/within.js';

/*
 * Questions to the other servers of an adapter, and the private members of adapters that are used for them.
 *
 * We ask for socket ids only, without the handshakes that `fetchSockets()` returns. The adapter for Redis answers such a
 * question, and has no method to ask it. Over other adapters we use the public `serverSideEmit()`, which only instances of
 * Roomgate answer.
 */

/** The event that asks other instances, in the namespace `/`. */
export const EVENT_IDS = 'roomgate:ids';

/** `@socket.io/redis-adapter`. */
interface RedisAdapter {
  readonly uid: string;
  readonly requestChannel: string;
  readonly requests: Map<string, AnyRequest>;
  readonly pubClient: { publish(channel: string, message: string): unknown };
}
interface AnyRequest {
  readonly type: number;
  readonly numSub: number;
  readonly resolve: (ids: ReadonlySet<string>) => void;
  readonly timeout: NodeJS.Timeout;
  readonly msgCount: number;
  readonly sockets: Set<string>;
}

/** Private to the adapter for Redis, which calls it from its `serverSideEmit`. */
interface Asking {
  serverSideEmitWithAck(packet: readonly unknown[]): Promise<void>;
}

/** The adapter's number for a question about the sockets of rooms. */
const SOCKETS = 0;
/** Most questions that wait for answers at the same time. */
const MOST_PENDING = 1_000;

export interface AskOptions {
  /** The number of servers, including this one, that have none of these names. */
  readonly servers: number;
  readonly timeoutMs: number;
}

/**
 * Returns the names that are ids of sockets of other servers on the same adapter; undefined if some server did not answer in time.
 * Never rejects.
 */
export async function askForIds(
  adapter: Adapter,
  names: readonly string[],
  { servers, timeoutMs }: AskOptions,
): Promise<ReadonlySet<string> | undefined> {
  return withinOr(ask(adapter, names, { servers, timeoutMs }), timeoutMs, undefined).catch(() => undefined);
}

async function ask(adapter: Adapter, names: readonly string[], { servers, timeoutMs }: AskOptions) {
  const all = await adapter.serverCount();
  if (all <= servers) return new Set<string>();
  return isRedisAdapter(adapter) ? askRedis(adapter, names, all, timeoutMs) : askInstances(adapter, names);
}

function askRedis(
  { uid, requestChannel, requests, pubClient }: RedisAdapter,
  names: readonly string[],
  servers: number,
  timeoutMs: number,
): Promise<ReadonlySet<string> | undefined> {
  if (requests.size >= MOST_PENDING) return Promise.resolve(undefined);
  const requestId = randomUUID();
  return new Promise((resolve) => {
    const timeout = setTimeout(() => {
      requests.delete(requestId);
      resolve(undefined);
    }, timeoutMs).unref();
    // The count includes this server, which has answered. A room is a socket id only if it has its own name among its members.
    const answered = (ids: ReadonlySet<string>) => resolve(new Set(names.filter((name) => ids.has(name))));
    requests.set(requestId, {
      type: SOCKETS,
      numSub: servers,
      resolve: answered,
      timeout,
      msgCount: 1,
      sockets: new Set(),
    });
    pubClient.publish(requestChannel, JSON.stringify({ uid, requestId, type: SOCKETS, rooms: names }));
  });
}

function askInstances(adapter: Adapter, names: readonly string[]): Promise<ReadonlySet<string> | undefined> {
  return new Promise((resolve) => {
    const answered = (error: unknown, answers: unknown): void => {
      const isWhole = !error && Array.isArray(answers) && answers.every(Array.isArray);
      resolve(isWhole ? new Set((answers as unknown[][]).flat().filter((id) => typeof id === 'string')) : undefined);
    };
    adapter.serverSideEmit([EVENT_IDS, names, answered]);
  });
}

function isRedisAdapter(adapter: object): adapter is RedisAdapter {
  const { uid, requestChannel, requests, pubClient } = adapter as Partial<RedisAdapter>;
  const isKnown = typeof uid === 'string' && typeof requestChannel === 'string' && requests instanceof Map;
  return isKnown && typeof pubClient?.publish === 'function';
}

/**
 * `serverSideEmit()` of an adapter for Redis, for a packet that ends with a callback. Rejects where the adapter would ignore
 * the failure. Returns undefined, and asks nothing, if the adapter has no such method.
 */
export function serverSideEmitWithAck(adapter: object, packet: readonly unknown[]): Promise<void> | undefined {
  const { serverSideEmitWithAck: emit } = adapter as Partial<Asking>;
  return typeof emit === 'function' ? emit.call(adapter, packet) : undefined;
}
