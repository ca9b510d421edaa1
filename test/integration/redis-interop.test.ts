// npm test: node
// npm run test:matrix: newest-node
import { createAdapter } from '@socket.io/redis-adapter';
import { Emitter } from '@socket.io/redis-emitter';
import { io as connect } from 'socket.io-client';
import { expect, it } from 'vitest';
import {
  answered,
  listener,
  openClient,
  redisClient,
  sendUntilHeard,
  startNode,
  startPlain,
} from '../support/backplane.js';
import { defer } from '../support/cleanup.js';
import { takeTheClock } from '../support/clock.js';
import { eventually } from '../support/facts.js';
import { startRedis } from '../support/redis.js';

it('works together with an unmodified Socket.IO server and a plain emitter, in both directions', async () => {
  const redis = await startRedis();
  const clock = takeTheClock();
  const client = openClient(redis.port);
  const ours = await startNode({ redisConnection: client });
  const publisher = Object.assign(redisClient(redis.port, { protocol: 2 }), {
    // The adapter uses the API of ioredis 5 on its clients.
    send_command(name: string, args: string[], done: (error: unknown, reply?: unknown) => void) {
      publisher.call(name, ...args).then((reply) => done(null, reply), done);
    },
  });
  const plain = await startPlain(createAdapter(publisher, redisClient(redis.port, { protocol: 2 })) as never);
  const emitter = new Emitter(redisClient(redis.port));
  const [here, there] = [await listener(ours.url), await listener(plain.url)];
  const theirs = { ...ours, io: plain.io };

  await sendUntilHeard(ours, there, 0);
  await sendUntilHeard(theirs, here, 1_000);
  for (const { heard } of [here, there]) {
    await eventually(() => {
      emitter.emit('n', 2_000);
      return heard.at(-1) === 2_000;
    });
  }
  // Roomgate's probes are sent to rooms that do not exist there.
  for (let tick = 0; tick < 5; tick++) {
    clock.ticks(1);
    await answered(client);
  }
  for (const io of [ours.io, plain.io]) {
    const ids = (await io.fetchSockets()).map((socket) => socket.id);
    expect(ids.sort()).toEqual([here.id, there.id].sort());
  }

  ours.io.in(there.id).socketsJoin('room');
  plain.io.in(here.id).socketsJoin('room');
  await eventually(async () => expect(await ours.io.in('room').fetchSockets()).toHaveLength(2));
  const asked = connect(plain.url, { transports: ['websocket'], forceNew: true });
  defer(() => asked.disconnect());
  asked.on('question', (answer: (value: Buffer) => void) => answer(Buffer.from([7])));
  await eventually(() => asked.connected);
  const answers = ours.io.to(asked.id ?? '').timeout(3_000);
  expect(await answers.emitWithAck('question')).toEqual([Buffer.from([7])]);

  plain.io.on('note', (value: number, answer: (value: number) => void) => answer(value + 1));
  expect(await ours.io.serverSideEmitWithAck('note', 1)).toEqual([2]);
  emitter.in(here.id).disconnectSockets(true);
  await eventually(() => ours.io.sockets.sockets.size === 0);
  expect(ours.reports).toEqual([]);
});
