import { Emitter } from '@socket.io/redis-emitter';
import { MemoryNetwork } from '../../src/backplane/memory/memory-network.js';
import { SHARED_NETWORK, type SharedNetworkOption } from '../../src/backplane/memory/shared-network.js';
import { redisClient } from './backplane.js';
import { eventually } from './facts.js';
import { type Started, startServer, type TestClient, type TestOptions } from './server.js';

/** How instances of the helper form a cluster. */
export interface Way {
  /** Called for each instance. */
  options(): TestOptions & SharedNetworkOption;
  /** Senders in addition to the instances. */
  emitters(instance: Started): readonly Emitter[];
}

export function byMemory(network: MemoryNetwork = new MemoryNetwork()): Way {
  return { options: () => ({ [SHARED_NETWORK]: network }), emitters: () => [] };
}

export function byRedis(port: number): Way {
  const client = () => redisClient(port, { protocol: 2 });
  return {
    options: () => ({ redisConnection: client() }),
    emitters: ({ helper }) => [new Emitter(client()), helper.getEmitter()],
  };
}

/** Named `instance-0` and so on. Each allows any room, and echoes messages as `echo`. */
export function startInstances(count: number, way: Way): Promise<Started[]> {
  return Promise.all(
    Array.from({ length: count }, (_, index) =>
      startServer({
        identifier: `instance-${index}`,
        validateRoomFn: ({ rooms }) => rooms,
        clientConnectedFn: ({ socket }) => {
          socket.on('echo', (value, acknowledge) => acknowledge(value));
        },
        ...way.options(),
      }),
    ),
  );
}

export async function startOne(way: Way): Promise<Started> {
  const [one] = await startInstances(1, way);
  if (one === undefined) throw new Error('unreachable');
  return one;
}

export async function startTwo(way: Way): Promise<readonly [Started, Started]> {
  const [one, two] = await startInstances(2, way);
  if (one === undefined || two === undefined) throw new Error('unreachable');
  return [one, two];
}

export function heardOn(client: TestClient, topic: string): unknown[] {
  return client.heard.filter(([event]) => event === topic).map(([, payload]) => payload);
}

/** A number above all sent so far: once every client has it, no earlier message is in flight. */
export async function everybodyHas(clients: readonly TestClient[], topic: string, last: unknown): Promise<void> {
  await Promise.all(
    clients.map((client) =>
      eventually(() => heardOn(client, topic).includes(last), { what: `${topic} ${last}`, timeout: 10_000 }),
    ),
  );
}
