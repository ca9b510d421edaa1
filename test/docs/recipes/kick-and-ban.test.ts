// npm test: node
import { beforeAll, describe, expect, it } from 'vitest';
import { SocketIOClientHelper } from '../../../src/client/client-helper.js';
import { track } from '../../support/cleanup.js';
import { codeBlocksOf, type PastedProject, pasteProject } from '../../support/document.js';
import { EventLog, eventually, unusedPort } from '../../support/facts.js';
import type { Program } from '../../support/process.js';
import { startRedis } from '../../support/redis.js';

const PAGE = 'docs/recipes/kick-and-ban.md';
const SLOW = { timeout: 15_000 };
const ADMIN = { authorization: 'Bearer token of root' };

interface Instance {
  readonly program: Program;
  readonly url: string;
}

let project: PastedProject;
let one: Instance;
let two: Instance;

beforeAll(async () => {
  project = await pasteProject(PAGE);
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

async function connect({ url }: Instance, user = 'ada'): Promise<Program> {
  const client = await project.start('client.ts', { env: { SERVER: url, TOKEN: `token of ${user}` } });
  await client.messages.next((line) => line === 'joined: public/news', SLOW);
  return client;
}

/** A client in this process that has joined the room. */
async function enter(user: string): Promise<SocketIOClientHelper> {
  const client = new SocketIOClientHelper({
    identifier: user,
    host: two.url,
    options: { path: '/io' },
    credentials: () => ({ token: `token of ${user}` }),
    logger: false,
  });
  track({ stop: () => client.shutdown() });
  await client.waitFor('authenticated', SLOW);
  expect(await client.joinRooms({ rooms: ['public/news'] })).toMatchObject({ joined: ['public/news'] });
  return client;
}

async function post(path: string, headers: Readonly<Record<string, string>> = ADMIN): Promise<unknown> {
  const answer = await fetch(one.url + path, { method: 'POST', headers });
  return answer.status === 200 ? answer.json() : answer.status;
}

const ended = (count: number) => ({ instances: 2, unconfirmed: [], ended: count });

/** What the page shows after a kick. */
async function kickedLines(): Promise<readonly string[]> {
  const shown = (await codeBlocksOf(PAGE)).find(({ code }) => code.startsWith('status: refused'));
  return shown?.code.trimEnd().split('\n') ?? [];
}

describe('docs/recipes/kick-and-ban.md', () => {
  it('compiles unchanged', () => {
    expect(project.compiled).toBe('');
  });

  it('kicks the user on every instance, keeps other users, and lets the user in again', async () => {
    const bob = await connect(two, 'bob');
    const devices = [await connect(one), await connect(two)];
    expect(await post('/kick?user=ada&reason=spam')).toEqual(ended(2));
    for (const device of devices) {
      expect(await device.ended(15_000)).toEqual({ code: 0, signal: null });
      expect(device.messages.all.slice(-3)).toEqual(await kickedLines());
    }
    const again = await connect(two);
    expect(bob.messages.all.at(-1)).toBe('joined: public/news');
    again.kill('SIGTERM');
    bob.kill('SIGTERM');
  });

  it('bans the user until the ban ends', async () => {
    const device = await connect(two);
    expect(await post('/ban?user=ada&reason=spam&seconds=60')).toEqual(ended(1));
    expect(await device.ended(15_000)).toEqual({ code: 0, signal: null });
    expect(device.messages.all.slice(-3)).toEqual(await kickedLines());
    for (const { url } of [one, two]) {
      const refused = await project.start('client.ts', { env: { SERVER: url } });
      expect(await refused.ended(15_000)).toEqual({ code: 0, signal: null });
      expect(refused.messages.all).toContain('refused: You are banned: spam');
      expect(refused.messages.all).toContain('status: refused (banned)');
    }
    expect(await post('/unban?user=ada')).toBe(204);
    (await connect(one)).kill('SIGTERM');
    expect(await post('/ban?user=ada&seconds=1')).toMatchObject({ instances: 2, unconfirmed: [] });
    await eventually(async () => (await connect(one)).kill('SIGTERM'), SLOW);
  });

  it('closes a room to the user only, and for some time', async () => {
    const [ada, bob] = [await enter('ada'), await enter('bob')];
    const left = new EventLog<unknown>();
    ada.getSocketClient().on('roomgate:left', (message) => left.push(message));
    expect(await post('/close?user=ada&room=public/news&reason=quiet&seconds=60')).toEqual(ended(1));
    expect(await left.next()).toEqual({ rooms: [{ room: 'public/news', code: 'revoked', message: 'quiet' }] });
    expect(await ada.joinRooms({ rooms: ['public/news', 'public/talk'] })).toMatchObject({ joined: ['public/talk'] });
    expect(await bob.joinRooms({ rooms: ['public/news'] })).toMatchObject({ joined: ['public/news'] });
  });

  it('refuses unauthorized and invalid requests', async () => {
    expect(await post('/kick?user=ada', {})).toBe(403);
    expect(await post('/kick')).toBe(400);
    expect(await post('/ban?user=ada&seconds=soon')).toBe(400);
    expect(await post('/other?user=ada')).toBe(404);
    expect(await post('/close?user=ada')).toBe(400);
  });

  it('exits on SIGTERM without an error', async () => {
    for (const { program } of [one, two]) {
      program.kill('SIGTERM');
      expect(await program.ended(10_000)).toEqual({ code: 0, signal: null });
      expect(program.stderr).toBe('');
    }
  });
});
