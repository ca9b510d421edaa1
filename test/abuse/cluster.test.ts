// npm test: node, bun
// npm run test:matrix: node+redis, bun+redis, newest-node, newest-node+redis, oldest-bun, oldest-bun+redis
import { Emitter } from '@socket.io/redis-emitter';
import { Redis } from 'ioredis';
import { beforeAll, describe, expect, it } from 'vitest';
import { defer } from '../support/cleanup.js';
import { eventually } from '../support/facts.js';
import { startRedis } from '../support/redis.js';
import { openPeer } from './peers.js';
import { startVictim, type Victim } from './victim.js';

let near: Victim;
let far: Victim;
let emitter: Emitter;

beforeAll(async () => {
  const redis = await startRedis();
  // Each instance connects its witnesses before the other one starts, because beats reach every instance.
  near = await startVictim({ redisPort: redis.port });
  far = await startVictim({ redisPort: redis.port, witnesses: 0 });
  const client = new Redis({ port: redis.port, host: redis.host });
  defer(() => client.disconnect());
  emitter = new Emitter(client);
});

async function join(victim: Victim, rooms: string[]) {
  const client = await victim.authenticated();
  client.emit('join', [{ rooms }], 1);
  const frame = String(await client.frames.next((it) => String(it).startsWith('431[')));
  return { client, answer: JSON.parse(frame.slice(3))[0] };
}

describe('a room named like the id of a socket on another instance', () => {
  it('cannot be joined, before or after that socket is authenticated', async () => {
    const outside = await openPeer(far, 'websocket');
    const inside = await far.authenticated();
    const { answer } = await join(near, [outside.sid, inside.sid, 'room_of_twenty_chars']);
    expect(answer.joined).toEqual(['room_of_twenty_chars']);
    expect(answer.refused.map(({ room, code }: { room: string; code: string }) => [room, code])).toEqual([
      [outside.sid, 'socket_id'],
      [inside.sid, 'socket_id'],
    ]);
    await far.leaveAll();
    await near.unharmed();
  });

  it('cannot be left, even if the program added the client to it', async () => {
    const inside = await far.authenticated();
    const client = await near.authenticated();
    await near.call('give', { id: client.sid, room: inside.sid });
    client.emit('leave', [{ rooms: [inside.sid] }], 1);
    const frame = String(await client.frames.next((it) => String(it).startsWith('431[')));
    expect(JSON.parse(frame.slice(3))[0].refused[0].code).toBe('socket_id');
    expect(await near.call('rooms', { id: client.sid })).toContain(inside.sid);
    await far.leaveAll();
    await near.unharmed();
  });
});

describe('before authentication no message reaches a client', () => {
  it('from another instance', async () => {
    const peer = await openPeer(near, 'websocket');
    const witness = near.witnesses[0];
    for (const [index, destination] of [undefined, peer.sid, [peer.sid, 'io-default'], 'io-default'].entries()) {
      await far.call('send', { destination, topic: 'blast', data: `far-${index}` });
    }
    await eventually(() => witness?.blasts.includes('far-3'), { what: 'the last one has come to this instance' });
    expect(await peer.heardSoFar()).toEqual([]);
    await near.unharmed();
  });

  it('from a plain emitter, which cannot add the client to a room either', async () => {
    const peer = await openPeer(near, 'websocket');
    emitter.socketsJoin('everybody');
    emitter.in(peer.sid).socketsJoin('own');
    emitter.emit('blast', 'emitted-1');
    emitter.to(peer.sid).emit('blast', 'emitted-2');
    emitter.to('own').emit('blast', 'emitted-3');
    emitter.to('everybody').emit('blast', 'emitted-4');
    await eventually(() => near.witnesses[0]?.blasts.includes('emitted-4'), { what: 'the last one has come' });
    expect(await peer.heardSoFar()).toEqual([]);
    expect(await near.call('rooms', { id: peer.sid })).toEqual([peer.sid]);
    emitter.socketsLeave('everybody');
    await near.unharmed();
  });
});
