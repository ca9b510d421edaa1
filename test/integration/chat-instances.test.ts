// npm test: node
// npm run test:matrix: newest-node, bun, oldest-bun
import { Redis } from 'ioredis';
import { beforeAll, describe, expect, it } from 'vitest';
import { buildChat, ChatClient, startChat } from '../support/chat.js';
import { defer } from '../support/cleanup.js';
import { eventually } from '../support/facts.js';
import { startRedis } from '../support/redis.js';

const PATIENCE = { timeout: 20_000 };

/** The left one on the runtime of the setting, the right one on Node.js. */
async function two() {
  const redis = await startRedis();
  const [left, right] = await Promise.all([
    startChat({ redisUrl: redis.url }),
    startChat({ redisUrl: redis.url, runtime: 'node' }),
  ]);
  return { redis, left, right };
}

let pair: Awaited<ReturnType<typeof two>>;
/** The other instance of the pair was killed. */
let leftAlone: { readonly ada: ChatClient };

beforeAll(async () => {
  await buildChat();
  pair = await two();
  leftAlone = await loseTheOther();
});

/** Another pair; one of them is killed. This is detected within ten seconds, while the other tests run. */
async function loseTheOther(): Promise<typeof leftAlone> {
  const { left, right } = await two();
  const ada = await ChatClient.enter(left.url, 'Ada', 'lobby');
  await ChatClient.enter(right.url, 'Ben', 'lobby');
  await ada.sees(['Ada: lobby', 'Ben: lobby']);
  right.program.kill('SIGKILL');
  return { ada };
}

async function historyOf(client: ChatClient, room: string): Promise<string[]> {
  const messages = await client.ask('history', { room });
  return messages.map(({ text }) => text);
}

describe('two processes over Redis', () => {
  it('share people, messages and history', async () => {
    const { left, right } = pair;
    const ada = await ChatClient.enter(left.url, 'Ada', 'lobby');
    const ben = await ChatClient.enter(right.url, 'Ben', 'lobby', 'garden');
    for (const client of [ada, ben]) await client.sees(['Ada: lobby', 'Ben: garden, lobby']);
    // Twice within less than the polling interval, so a notification caused it.
    for (const change of ['join', 'leave'] as const) {
      ben.sendRaw(change, { rooms: ['room/workshop'] });
      await ada.sees(['Ada: lobby', change === 'join' ? 'Ben: garden, lobby, workshop' : 'Ben: garden, lobby']);
    }

    const said = await ada.ask('say', { echo: '1', room: 'lobby', text: 'Hello over there' });
    expect(said).toEqual({ ...(await ben.next('message')), echo: '1' });
    const whispered = await ben.ask('whisper', { echo: 'w', to: 'Ada', text: 'Psst' });
    expect(whispered).toEqual({ ...(await ada.next('whisper')), echo: 'w' });
    ben.sendRaw('typing', { to: 'Ada', typing: true });
    expect(await ada.next('typing')).toEqual({ to: 'Ada', from: 'Ben', typing: true });

    // Sent again to the other instance, as after a reconnect through a load balancer. The history has it already.
    const again = await ChatClient.enter(right.url, 'Ada', 'lobby');
    expect(await again.ask('say', { echo: '1', room: 'lobby', text: 'Hello over there' })).toEqual(said);
    expect(await historyOf(ben, 'lobby')).toEqual(['Hello over there']);
    expect(ben.all('message')).toHaveLength(1);
  });

  it('refuse a name that looks like one of the other process', async () => {
    const { left, right } = pair;
    await ChatClient.enter(left.url, 'coco', 'garden');
    await eventually(async () => {
      const body = JSON.stringify({ name: 'сосо' });
      expect((await fetch(`${right.url}/api/sign-in`, { method: 'POST', body })).status).toBe(409);
    });
  });

  it('lose no message if both add some to one conversation at once', async () => {
    const { left, right } = pair;
    const writers = [
      await ChatClient.enter(left.url, 'Ada', 'garden'),
      await ChatClient.enter(right.url, 'Ben', 'garden'),
    ];
    const numbers = Array.from({ length: 20 }, (_, n) => n);
    const said = writers.flatMap((writer) =>
      numbers.map((n) => ({ writer, data: { echo: `${n}`, room: 'garden', text: `${writer.name} ${n}` } })),
    );
    await Promise.all(said.map(({ writer, data }) => writer.ask('say', data)));
    const texts = said.map(({ data }) => data.text).sort();
    for (const writer of writers) expect((await historyOf(writer, 'garden')).sort()).toEqual(texts);
  });

  it('continue if Redis has something else in place of a conversation', async () => {
    const { redis, left } = pair;
    const outside = new Redis(redis.url);
    defer(() => outside.disconnect());
    await outside.set('chat:room:workshop', 'no conversation');
    const ada = await ChatClient.enter(left.url, 'Ada', 'workshop');
    await ada.ask('say', { echo: 'after', room: 'workshop', text: 'After' });
    expect(await historyOf(ada, 'workshop')).toEqual(['After']);
    await outside.del('chat:room:workshop');
  });

  it('accept commands of the operator for clients of either', async () => {
    const { left, right } = pair;
    const ben = await ChatClient.enter(right.url, 'Ben', 'lobby');
    // Messages of the previous test may still be in flight.
    await eventually(async () => {
      const { body } = await left.operate('/clients');
      expect(body).toMatchObject({ clients: [{ id: ben.id, name: 'Ben', rooms: ['lobby'] }] });
    });
    for (const [path, text] of [
      ['/broadcast', 'to all'],
      ['/rooms/lobby/send', 'to the lobby'],
      [`/clients/${ben.id}/send`, 'to Ben'],
    ] as const) {
      await left.operate(path, { text });
      expect(await ben.next('notice')).toMatchObject({ text });
    }
    const joined = await left.operate(`/clients/${ben.id}/join`, { rooms: ['vault'] });
    expect(joined).toEqual({ status: 200, body: { rooms: ['lobby', 'vault'] } });
    expect(await ben.next('rooms')).toEqual(joined.body);
    const gone = await left.operate(`/clients/${ben.id}/leave`, { rooms: ['lobby'] });
    expect(gone.body).toEqual({ rooms: ['vault'] });
    await ben.sees(['Ben: vault']);
    expect(await left.operate('/health')).toMatchObject({ body: { redis: 'ready', degraded: false } });
  });
});

describe('an outage of Redis', () => {
  it.each(['is killed', 'hangs'] as const)(
    'leaves each instance its own chat, and is repaired, when Redis %s',
    async (how) => {
      const { redis, left, right } = pair;
      const [ada, cleo, ben] = await Promise.all([
        ChatClient.enter(left.url, 'Ada', 'workshop'),
        ChatClient.enter(left.url, 'Cleo', 'workshop'),
        ChatClient.enter(right.url, 'Ben', 'workshop'),
      ]);
      await ada.sees(['Ada: workshop', 'Ben: workshop', 'Cleo: workshop']);
      for (const client of [ada, ben]) await client.next('health', ({ degraded }) => !degraded);
      const past = await historyOf(cleo, 'workshop');
      ada.sendRaw('say', { echo: `${how} 1`, room: 'workshop', text: 'before' });
      await ben.next('message');

      if (how === 'hangs') await redis.pause();
      else await redis.kill();
      for (const client of [ada, ben]) {
        expect(await client.next('health', ({ degraded }) => degraded, PATIENCE)).toMatchObject({
          message: expect.stringContaining('other servers'),
        });
      }
      expect(await left.operate('/health')).toMatchObject({ status: 200, body: { redis: 'away', degraded: true } });
      await ada.sees(['Ada: workshop', 'Cleo: workshop']);
      ada.sendRaw('say', { echo: `${how} 2`, room: 'workshop', text: 'meanwhile here' });
      expect(await cleo.next('message', ({ text }) => text === 'meanwhile here')).toMatchObject({
        text: 'meanwhile here',
      });
      await ben.ask('say', { echo: `${how} 3`, room: 'workshop', text: 'meanwhile there' });
      expect(await historyOf(cleo, 'workshop')).toEqual([...past, 'before', 'meanwhile here']);
      const whisper = { echo: 'w', to: 'Ben', text: 'Psst' };
      expect(await ada.refusal('whisper', whisper)).toMatchObject({ code: 'away' });
      const late = await ChatClient.enter(left.url, 'Dora', 'workshop');
      await late.next('health', ({ degraded }) => degraded);

      if (how === 'hangs') redis.resume();
      else await redis.restart();
      // An empty Redis has lost what was revoked meanwhile, so all people are authenticated anew.
      if (how === 'is killed') await Promise.all([ada, cleo, ben, late].map((each) => each.comesBack('workshop')));
      for (const client of [ada, ben]) await client.next('health', ({ degraded }) => !degraded, PATIENCE);
      await ben.sees(['Ada: workshop', 'Ben: workshop', 'Cleo: workshop', 'Dora: workshop'], PATIENCE.timeout);
      ada.sendRaw('say', { echo: `${how} 4`, room: 'workshop', text: 'after' });
      await ben.next('message', ({ text }) => text === 'after', PATIENCE);
      const all = [...past, 'before', 'meanwhile here', 'meanwhile there', 'after'];
      const reader = await ChatClient.enter(right.url, 'Eve', 'workshop');
      await eventually(async () => expect(await historyOf(reader, 'workshop')).toEqual(all));
      // An instance shows a message before it has saved it in Redis.
      await eventually(async () => {
        const { messages } = JSON.parse(await redis.cli('GET', 'chat:room:workshop'));
        expect(messages).toHaveLength(all.length);
      });
    },
  );
});

describe('an instance that was killed', () => {
  it('disappears from the list with its people', async () => {
    const { ada } = leftAlone;
    await ada.sees(['Ada: lobby'], PATIENCE.timeout);
    const whisper = { echo: 'w', to: 'Ben', text: 'Psst' };
    expect(await ada.refusal('whisper', whisper)).toMatchObject({ code: 'away' });
  });
});
