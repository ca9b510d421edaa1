// npm test: node
// npm run test:matrix: newest-node
import { EventEmitter } from 'node:events';
import { createServer } from 'node:http';
import { createAdapter } from '@socket.io/redis-adapter';
import { Server } from 'socket.io';
import {
  type Adapter,
  ClusterAdapterWithHeartbeat,
  type ClusterMessage,
  type ClusterResponse,
} from 'socket.io-adapter';
import { describe, expect, it, onTestFinished } from 'vitest';
import { redisClient } from '../support/backplane.js';
import { eventually } from '../support/facts.js';
import { heardOn } from '../support/instances.js';
import { rawWebSocket } from '../support/raw.js';
import { startRedis } from '../support/redis.js';
import {
  connect,
  connectAuthenticated,
  listen,
  type Started,
  startServer,
  type TestClient,
  type TestOptions,
} from '../support/server.js';

type AdapterNamespace = ConstructorParameters<typeof Adapter>[0];

/** An adapter of the program: `@socket.io/cluster-adapter` derives from the same class. */
function adapterOver(bus: EventEmitter) {
  return class extends ClusterAdapterWithHeartbeat {
    constructor(namespace: AdapterNamespace) {
      super(namespace, {});
      const hear = (text: string): void => {
        const { to, message } = JSON.parse(text) as { to?: string; message: ClusterMessage };
        if (to === undefined) this.onMessage(message);
        else if (to === this.uid) this.onResponse(message as never);
      };
      bus.on('message', hear);
      onTestFinished(() => void bus.off('message', hear));
      this.init();
    }

    protected override async doPublish(message: ClusterMessage): Promise<string> {
      bus.emit('message', JSON.stringify({ message }));
      return '';
    }

    protected override async doPublishResponse(to: string, message: ClusterResponse): Promise<void> {
      bus.emit('message', JSON.stringify({ to, message }));
    }
  };
}

const everything: TestOptions = { validateRoomFn: ({ rooms }) => rooms };
const startOn = (adapter: unknown, identifier: string) =>
  startServer({ ...everything, identifier, serverOptions: { adapter: adapter as never } });

async function startPlain(adapter: unknown): Promise<{ io: Server; client: TestClient }> {
  const { http, url } = await listen(createServer());
  const io = new Server(http, { adapter: adapter as never });
  onTestFinished(() => void io.close());
  const client = connect(url);
  await client.heardOf('connect');
  return { io, client };
}

async function codeOf(client: TestClient, room: string): Promise<string> {
  const { joined, refused } = await client.socket.timeout(5_000).emitWithAck('join', { rooms: [room] });
  return joined.length === 1 ? 'joined' : refused[0].code;
}

const seesServers = (server: Started, count: number) =>
  eventually(async () => expect(await server.helper.getIOServer().of('/').adapter.serverCount()).toBe(count), {
    timeout: 15_000,
  });

describe('behind an adapter of the program', () => {
  it('no id of another instance can be joined, even of a socket that is gone or of a stalled instance', async () => {
    const adapter = adapterOver(new EventEmitter());
    const [one, two] = [await startOn(adapter, 'one'), await startOn(adapter, 'two')];
    await seesServers(one, 2);
    const victim = await connectAuthenticated(one.url);
    const attacker = await connectAuthenticated(two.url);
    const id = String(victim.socket.id);
    expect(await codeOf(attacker, id)).toBe('socket_id');
    victim.socket.disconnect();
    expect(await codeOf(attacker, id)).toBe('socket_id');
    one.helper.send({ destination: id, payload: { topic: 'private', data: 1 } });
    one.helper.send({ destination: String(attacker.socket.id), payload: { topic: 'private', data: 2 } });
    await attacker.heardOf('private');
    expect(heardOn(attacker, 'private')).toEqual([2]);
  });

  it('a room named like an id of plain Socket.IO is looked up, and granted if all servers are Roomgate’s', async () => {
    const adapter = adapterOver(new EventEmitter());
    const [one, two] = [await startOn(adapter, 'one'), await startOn(adapter, 'two')];
    await seesServers(two, 2);
    await seesServers(one, 2);
    const client = await connectAuthenticated(two.url);
    expect(await codeOf(client, 'kR3NtJ5vYp0QxW8zLm2A')).toBe('joined');
  });

  it('such a room is refused, retryable, with a plain Socket.IO server, because it does not answer', async () => {
    const adapter = adapterOver(new EventEmitter());
    const one = await startOn(adapter, 'one');
    const plain = await startPlain(adapter);
    await seesServers(one, 2);
    const client = await connectAuthenticated(one.url);
    expect(await codeOf(client, String(plain.client.socket.id))).toBe('cluster_unanswered');
    expect(await codeOf(client, 'open')).toBe('joined');
  });

  it('such a room is granted without other servers', async () => {
    const one = await startOn(adapterOver(new EventEmitter()), 'one');
    const client = await connectAuthenticated(one.url);
    expect(await codeOf(client, 'kR3NtJ5vYp0QxW8zLm2A')).toBe('joined');
  });

  it('such a room is refused, retryable, if the adapter fails to answer', async () => {
    class Failing extends adapterOver(new EventEmitter()) {
      override serverCount(): Promise<number> {
        return Promise.reject(new Error('away'));
      }
    }
    const client = await connectAuthenticated((await startOn(Failing, 'one')).url);
    expect(await codeOf(client, 'kR3NtJ5vYp0QxW8zLm2A')).toBe('cluster_unanswered');
    expect(await codeOf(client, 'open')).toBe('joined');
  });
});

describe('with a plain Socket.IO server on the same Redis', () => {
  it('its ids are refused, and other rooms of that form are granted', async () => {
    const { port } = await startRedis();
    const client = () => redisClient(port, { protocol: 2 });
    const one = await startServer({ ...everything, identifier: 'one', redisConnection: client() });
    const two = await startServer({ ...everything, identifier: 'two', redisConnection: client() });
    const pub = client();
    Object.assign(pub, {
      send_command: (name: string, args: string[], done: (e: unknown, r?: unknown) => void) =>
        pub.call(name, ...args).then((reply) => done(null, reply), done),
    });
    const plain = await startPlain(createAdapter(pub, client()));
    await seesServers(one, 3);
    const id = String(plain.client.socket.id);
    expect(id).toMatch(/^[\w-]{20}$/);
    const attacker = await connectAuthenticated(one.url);
    const other = await connectAuthenticated(two.url);
    expect(await codeOf(attacker, id)).toBe('socket_id');
    expect(await codeOf(attacker, String(other.socket.id))).toBe('socket_id');
    expect(await codeOf(attacker, 'kR3NtJ5vYp0QxW8zLm2A')).toBe('joined');
    // A room with members whose name is not an id.
    plain.io.in(id).socketsJoin('kR3NtJ5vYp0QxW8zLm2B');
    expect(await codeOf(attacker, 'kR3NtJ5vYp0QxW8zLm2B')).toBe('joined');
    plain.io.to(id).emit('private', 1);
    plain.io.to(String(attacker.socket.id)).emit('private', 2);
    await attacker.heardOf('private');
    expect(heardOn(attacker, 'private')).toEqual([2]);
  });
});

it('a client of protocol 3 gets an id of that form on both ends', async () => {
  const { url, helper } = await startServer({
    ...everything,
    serverOptions: { allowEIO3: true },
    authenticateFn: () => true,
  });
  const socket = await rawWebSocket(url, { query: { EIO: '3' } });
  const open = JSON.parse(String(await socket.frames.next()).slice(1)) as { sid: string };
  expect(open.sid).toMatch(/^rg--[\w-]{16}$/);
  await socket.frames.next((frame) => frame === '40');
  expect([...helper.getClients().keys()]).toEqual([open.sid]);
  socket.emit('authenticate');
  await socket.event('authenticated');
  helper.send({ destination: open.sid, payload: { topic: 'private', data: 1 } });
  expect(await socket.event('private')).toEqual([1]);
  const attacker = await connectAuthenticated(url);
  expect(await codeOf(attacker, open.sid)).toBe('socket_id');
});
