// npm test: node
import { expect, it } from 'vitest';
import { SocketIOClientHelper } from '../../../src/client/client-helper.js';
import { track } from '../../support/cleanup.js';
import { pasteProject } from '../../support/document.js';
import { eventually, unusedPort } from '../../support/facts.js';
import { startRedis } from '../../support/redis.js';

const SLOW = { timeout: 15_000 };

it('docs/recipes/presence.md shows who is online on two instances, and who is no longer', async () => {
  const project = await pasteProject('docs/recipes/presence.md');
  expect(project.compiled).toBe('');
  const redis = await startRedis();
  const start = async () => {
    const port = await unusedPort();
    const env = { PORT: `${port}`, REDIS_PORT: `${redis.port}`, MARK_EVERY_MS: '300' };
    const program = await project.start('instance.ts', { env });
    await program.messages.next((line) => line === `listening on ${port}`, SLOW);
    return { program, url: `http://127.0.0.1:${port}` };
  };
  const [one, two] = await Promise.all([start(), start()]);
  const connect = (url: string, user: string) =>
    project.start('client.ts', { env: { SERVER: url, TOKEN: `token of ${user}`, ASK_EVERY_MS: '100' } });

  const ada = await connect(one.url, 'ada');
  const bob = await connect(two.url, 'bob');
  for (const { messages } of [ada, bob]) await messages.next((line) => line === "online: [ 'ada', 'bob' ]", SLOW);
  const before = bob.messages.all.length;
  ada.kill('SIGTERM');
  await eventually(() => bob.messages.all.slice(before).includes("online: [ 'bob' ]"), SLOW);

  const again = await connect(two.url, 'ada');
  await again.messages.next((line) => line === "online: [ 'ada', 'bob' ]", SLOW);
  // An instance that crashes marks nobody any more, and says nothing.
  two.program.kill('SIGKILL');
  const last = await connect(one.url, 'ada');
  await last.messages.next((line) => line === "online: [ 'ada' ]", SLOW);

  const client = new SocketIOClientHelper({
    identifier: 'odd',
    host: one.url,
    options: { path: '/io' },
    credentials: () => ({ token: 'token of bob' }),
    logger: false,
  });
  track({ stop: () => client.shutdown() });
  await client.waitFor('authenticated', SLOW);
  for (const data of [undefined, 7, [], [7], Array(101).fill('ada')]) client.emit({ topic: 'who-is-online', data });
  expect(await client.request({ topic: 'who-is-online', data: ['eve'] })).toEqual([]);
  one.program.kill('SIGTERM');
  expect(await one.program.ended(10_000)).toEqual({ code: 0, signal: null });
  expect(one.program.stderr).toBe('');
});
