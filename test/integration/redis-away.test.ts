// npm test: node
// npm run test:matrix: newest-node
import { io as connect } from 'socket.io-client';
import { beforeEach, describe, expect, it } from 'vitest';
import { listener, openClient, type PlainInstance, redisClient, startNode } from '../support/backplane.js';
import { defer } from '../support/cleanup.js';
import { eventually, within } from '../support/facts.js';
import { type RedisServer, startRedis } from '../support/redis.js';

interface Stage {
  readonly redis: RedisServer;
  readonly client: ReturnType<typeof openClient>;
  readonly node: PlainInstance;
}

const WAYS: readonly (readonly [string, (stage: Stage) => Promise<void>])[] = [
  [
    'killed',
    async ({ redis, node }) => {
      await redis.kill();
      await eventually(() => node.reported('backplane_disconnected').length === 3);
    },
  ],
  ['stopped', ({ redis }) => redis.pause()],
  [
    'away for the subscriber only',
    async ({ client, node }) => {
      client.moveTo(1);
      client.connection('subscriber').disconnect();
      await eventually(() => node.reported('backplane_disconnected').length === 1);
    },
  ],
];

let stage: Stage;
const unhandled: unknown[] = [];

async function setUp(): Promise<void> {
  const redis = await startRedis();
  const client = openClient(redis.port);
  const node = await startNode({ redisConnection: client, identifier: 'one' });
  await startNode({ redisConnection: redisClient(redis.port), identifier: 'two' });
  stage = { redis, client, node };
  unhandled.length = 0;
  const note = (reason: unknown) => unhandled.push(reason);
  process.on('unhandledRejection', note);
  defer(() => process.off('unhandledRejection', note));
}

/** A client of the instance that answers the event `ask`. */
async function answering({ url }: PlainInstance): Promise<string> {
  const socket = connect(url, { transports: ['websocket'], forceNew: true });
  defer(() => socket.disconnect());
  socket.on('ask', (answer: (value: string) => void) => answer('here'));
  await eventually(() => socket.connected);
  return socket.id ?? '';
}

const PATIENCE_MS = 12_000;
/** Time for acknowledgements of a broadcast. Local clients answer within it, even if the machine stalls. */
const ANSWERS_MS = 2_000;

async function settled(work: Promise<unknown>, what: string): Promise<unknown> {
  return within(
    work.catch((error: unknown) => error),
    what,
    PATIENCE_MS,
  );
}

describe.each(WAYS)('while Redis is %s', (_, harm) => {
  beforeEach(setUp);

  it('a broadcast with acknowledgements fails by its timeout, with the local clients’ answers', async () => {
    const { io } = stage.node;
    await answering(stage.node);
    await harm(stage);
    const called = new Promise((resolve) => {
      io.timeout(ANSWERS_MS).emit('ask', (error: unknown, answers: unknown) => resolve([error, answers]));
    });
    const [heard, rejected] = await Promise.all([
      settled(called, 'the callback of emit()'),
      settled(io.timeout(ANSWERS_MS).emitWithAck('ask'), 'emitWithAck()'),
    ]);
    expect(heard).toEqual([expect.any(Error), ['here']]);
    expect(rejected).toMatchObject({ message: 'operation has timed out', responses: ['here'] });
    expect(unhandled).toEqual([]);
  }, 30_000);

  it('serverSideEmit() with a callback, and serverSideEmitWithAck(), report an error', async () => {
    const { io } = stage.node;
    await harm(stage);
    const called = new Promise((resolve) => {
      io.serverSideEmit('ask', (error: unknown, answers: unknown) => resolve([error, answers]));
    });
    expect(await settled(called, 'the callback of serverSideEmit()')).toEqual([expect.any(Error), []]);
    expect(await settled(io.serverSideEmitWithAck('ask'), 'serverSideEmitWithAck()')).toBeInstanceOf(Error);
    expect(unhandled).toEqual([]);
  }, 30_000);

  it('questions to all servers reject, and requests without an answer complete', async () => {
    const { io } = stage.node;
    const { id } = await listener(stage.node.url);
    await harm(stage);
    const { adapter } = io.of('/') as unknown as { adapter: { allRooms(): Promise<unknown> } };
    expect(await settled(io.fetchSockets(), 'fetchSockets()')).toBeInstanceOf(Error);
    expect(await settled(adapter.allRooms(), 'allRooms()')).toBeInstanceOf(Error);
    expect(await io.local.fetchSockets()).toHaveLength(1);
    io.in(id).socketsJoin('room');
    io.in(id).socketsLeave('room');
    io.serverSideEmit('note', 1);
    io.emit('n', 1);
    io.in(id).disconnectSockets();
    expect(unhandled).toEqual([]);
  }, 30_000);
});

describe('a serverSideEmit() callback that throws', () => {
  beforeEach(setUp);

  const ways: typeof WAYS = [['there', async () => {}], ...WAYS.slice(0, 1)];

  it.each(ways)('is called once and reported while Redis is %s', async (_, harm) => {
    let calls = 0;
    await harm(stage);
    stage.node.io.of('/lonely').serverSideEmit('ask', () => {
      calls += 1;
      throw new Error('of the program');
    });
    await eventually(() => stage.node.reported('handler_failed').length === 1);
    expect(stage.node.reported('handler_failed')).toMatchObject([{ where: 'a callback of serverSideEmit' }]);
    expect(calls).toBe(1);
    expect(unhandled).toEqual([]);
  });
});
