// npm test: node
import { beforeAll, describe, expect, it } from 'vitest';
import { SocketIOClientHelper } from '../../../src/client/client-helper.js';
import { track } from '../../support/cleanup.js';
import { type PastedProject, pasteProject } from '../../support/document.js';
import { EventLog, eventually, unusedPort } from '../../support/facts.js';
import type { Program } from '../../support/process.js';
import { startRedis } from '../../support/redis.js';

const SLOW = { timeout: 15_000 };

/** Registers one more user: a disconnected user is not admitted again. */
const USERS = { "['token of root', 'root'],": "['token of root', 'root'], ['token of eve', 'eve']," };

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
    const program = await project.start('instance.ts', { env, replace: USERS });
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
  const status = () => client.getStatus().status;
  /** Resolves once everything that was sent to this client before has arrived. */
  const online = (): Promise<unknown> => client.getSocketClient().emitWithAck('who-is-online');
  return { client, heard, status, online };
}

/** The first client of a test: waits until the previous test's clients have gone. */
async function connectFirst(url: string, user: string): ReturnType<typeof connect> {
  const first = await connect(url, user);
  await eventually(async () => expect(await first.online()).toEqual([user]), SLOW);
  return first;
}

describe('docs/recipes/rooms-per-user.md', () => {
  it('reaches no other user, and survives invalid requests of clients', async () => {
    const [ada, bob, root] = [
      await connect(one.url, 'ada'),
      await connect(two.url, 'bob'),
      await connect(two.url, 'root'),
    ];
    for (const data of [undefined, null, 7, { to: 1, text: 'x' }, { to: 'ada' }, { to: '', text: 'x' }, []]) {
      bob.client.emit({ topic: 'message', data });
    }
    bob.client.emit({ topic: 'who-is-online', data: 'no function' });
    bob.client.emit({ topic: 'message', data: { to: 'ada', text: 'for ada' } });
    expect(await ada.heard.next()).toEqual({ from: 'bob', text: 'for ada' });
    expect(await root.online()).toEqual(['ada', 'bob', 'root']);
    expect([bob.heard.all, root.heard.all]).toEqual([[], []]);
  });

  it('disconnects all devices of a user, which can leave no group of the user, and no other user', async () => {
    const bob = await connectFirst(two.url, 'bob');
    const eve = await connect(two.url, 'eve');
    const own = ['user:eve', 'roomgate:user:eve'];
    await eve.client.leaveRooms({ rooms: own });
    expect((await eve.client.joinRooms({ rooms: own })).joined).toEqual([]);
    bob.client.emit({ topic: 'end-user', data: 'eve' });
    expect(await bob.online()).toEqual(['bob', 'eve']);
    expect(eve.status()).toBe('authenticated');
    const root = await connect(one.url, 'root');
    root.client.emit({ topic: 'end-user', data: 'eve' });
    await eve.client.waitFor('refused', SLOW);
    expect(await root.online()).toEqual(['bob', 'root']);
    expect(bob.status()).toBe('authenticated');
    expect((await connect(one.url, 'eve')).client.getStatus()).toMatchObject({ status: 'refused', code: 'revoked' });
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

    const ended = 'refused: An operator ended your session.';
    await project.start('client.ts', { env: { SERVER: one.url, TOKEN: 'token of root', END: 'ada' } });
    for (const device of devices) {
      expect(await device.ended(15_000)).toEqual({ code: 0, signal: null });
      expect(device.messages.unread).toEqual([ended, 'disconnected: io server disconnect']);
    }
    for (const { url } of [one, two]) {
      const again = await project.start('client.ts', { env: { SERVER: url } });
      expect(await again.messages.next(undefined, SLOW)).toMatch(/^refused: ./);
    }
    expect(bob.messages.all.filter((line) => String(line).startsWith('disconnected'))).toEqual([]);
    for (const { program } of [one, two]) {
      program.kill('SIGTERM');
      expect(await program.ended(10_000)).toEqual({ code: 0, signal: null });
      expect(program.stderr).toBe('');
    }
  });
});
