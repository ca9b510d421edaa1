// npm test: node
import { beforeAll, describe, expect, it } from 'vitest';
import { SocketIOClientHelper } from '../../../src/client/client-helper.js';
import { track } from '../../support/cleanup.js';
import { type PastedProject, pasteProject } from '../../support/document.js';
import { EventLog, eventually, unusedPort } from '../../support/facts.js';
import type { Program } from '../../support/process.js';
import { startRedis } from '../../support/redis.js';

const SLOW = { timeout: 15_000 };

interface Instance {
  readonly program: Program;
  readonly url: string;
}

let project: PastedProject;
/** Two instances for all tests; the last of them stops both. */
let one: Instance;
let two: Instance;

beforeAll(async () => {
  project = await pasteProject('docs/recipes/rooms-per-user.md');
  const redis = await startRedis();
  const start = async (): Promise<Instance> => {
    const port = await unusedPort();
    const env = { PORT: `${port}`, REDIS_PORT: `${redis.port}` };
    const program = await project.start('instance.ts', { env });
    await program.messages.next((line) => line === `listening on ${port}`, SLOW);
    return { program, url: `http://127.0.0.1:${port}` };
  };
  [one, two] = await Promise.all([start(), start()]);
});

/** Another device of a user; resolves once it is authenticated or refused. */
async function connect(url: string, user: string) {
  const heard = new EventLog<unknown>();
  const client = new SocketIOClientHelper({
    identifier: user,
    host: url,
    options: { path: '/io' },
    credentials: () => ({ token: `token of ${user}` }),
    logger: false,
  });
  client.subscribe({ event: 'message', handler: (message) => heard.push(message) });
  track({ stop: () => client.shutdown() });
  await eventually(() => ['authenticated', 'refused'].includes(client.getStatus().status), SLOW);
  /** Resolves once everything that was sent to this client before has arrived. */
  const online = (): Promise<unknown> => client.getSocketClient().emitWithAck('who-is-online');
  return { client, heard, online };
}

/** The first client of a test: waits until the previous test's clients have gone. */
async function connectFirst(url: string, user: string): ReturnType<typeof connect> {
  const first = await connect(url, user);
  await eventually(async () => expect(await first.online()).toEqual([user]), SLOW);
  return first;
}

describe('docs/recipes/rooms-per-user.md', () => {
  it('reaches no other user, and survives invalid requests of clients', async () => {
    const [ada, bob] = [await connect(one.url, 'ada'), await connect(two.url, 'bob')];
    for (const data of [undefined, null, 7, { to: 1, text: 'x' }, { to: 'ada' }, { to: '', text: 'x' }, []]) {
      bob.client.emit({ topic: 'message', data });
    }
    bob.client.emit({ topic: 'who-is-online', data: 'no function' });
    bob.client.emit({ topic: 'message', data: { to: 'ada', text: 'for ada' } });
    expect(await ada.heard.next()).toEqual({ from: 'bob', text: 'for ada' });
    expect(await bob.online()).toEqual(['ada', 'bob']);
    expect(bob.heard.all).toEqual([]);
  });

  it('reaches a user that has tried to leave or join the group of a user', async () => {
    const bob = await connectFirst(two.url, 'bob');
    const own = ['user:bob', 'roomgate:user:bob', 'user:ada', 'roomgate:user:ada'];
    await bob.client.leaveRooms({ rooms: own });
    expect((await bob.client.joinRooms({ rooms: own })).joined).toEqual([]);
    const ada = await connect(one.url, 'ada');
    for (const to of ['ada', 'bob']) ada.client.emit({ topic: 'message', data: { to, text: `for ${to}` } });
    expect(await bob.heard.next()).toEqual({ from: 'ada', text: 'for bob' });
    expect(bob.heard.all).toHaveLength(1);
  });

  it('prints the documented output, with two instances', async () => {
    const { client: before } = await connectFirst(one.url, 'ada');
    before.shutdown();
    const devices: Program[] = [];
    for (const { url } of [one, two]) {
      const device = await project.start('client.ts', { env: { SERVER: url } });
      expect(await device.messages.next(undefined, SLOW)).toBe("online: [ 'ada' ]");
      devices.push(device);
    }
    const bob = await project.start('client.ts', { env: { SERVER: one.url, TOKEN: 'token of bob', TO: 'ada' } });
    await bob.messages.next((line) => line === "online: [ 'ada', 'bob' ]", SLOW);
    for (const device of devices) expect(await device.messages.next(undefined, SLOW)).toBe('bob: Hello');

    for (const device of devices) expect(device.messages.unread).toEqual([]);
    for (const { program } of [one, two]) {
      program.kill('SIGTERM');
      expect(await program.ended(10_000)).toEqual({ code: 0, signal: null });
      expect(program.stderr).toBe('');
    }
  });
});
