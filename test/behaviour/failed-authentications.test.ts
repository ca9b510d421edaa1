// npm test: node, bun
// npm run test:matrix: node+redis, bun+redis, newest-node, newest-node+redis, oldest-bun, oldest-bun+redis
import { beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../support/facts.js';
import { rawWebSocket } from '../support/raw.js';
import { type Served, type ServedOptions, serve } from './program.js';

/** The program's users have the password `right`. Notes each call with the name. */
const OPTIONS: ServedOptions['options'] = ({ memory }) => ({
  trustedHops: 1,
  authenticateTimeout: 10_000,
  authenticationKey: ({ auth, address }) => {
    memory.addresses = [...(memory.addresses ?? []), address ?? null];
    return auth.name;
  },
  authenticateFn: async ({ auth }) => {
    memory.calls = [...(memory.calls ?? []), auth.name];
    await new Promise((resolve) => setTimeout(resolve, auth.takes ?? 0));
    if (auth.password === 'throws') throw Object.assign(new Error('no'), { status: 401 });
    if (auth.password === 'down') throw new Error('the database is down');
    if (auth.password === 'later') return { refused: 'maintenance', retry: true };
    if (auth.password === 'banned') return { refused: 'banned' };
    return auth.password === 'right' ? { user: auth.name, expiresAt: Date.now() + (auth.lasts ?? 600_000) } : false;
  },
});

interface Answer {
  readonly is: 'in' | 'out';
  readonly code?: string;
  readonly retry?: boolean;
  readonly after?: number;
  readonly ms: number;
}

let server: Served;
beforeAll(async () => {
  server = await serve({ options: OPTIONS });
});

let names = 0;
/** A name that no test has used. */
const newName = (): string => `name ${++names}`;

/** One attempt, on a connection of its own. `from`: undefined for an unknown address. */
async function attempt(auth: object, from?: string): Promise<Answer> {
  const headers = from === undefined ? {} : { 'X-Forwarded-For': `1.2.3.4, ${from}` };
  const peer = await rawWebSocket(server.url, { headers });
  await peer.connect('/', auth);
  const begin = performance.now();
  peer.emit('authenticate');
  const frame = String(
    await peer.frames.next((text) => /^42\["(un)?authenticated"/.test(String(text)), { timeout: 15_000 }),
  );
  const [topic, message] = JSON.parse(frame.slice(2)) as [string, Partial<Answer>];
  peer.terminate();
  const { code, retry, after } = message;
  return JSON.parse(
    JSON.stringify({ is: topic === 'authenticated' ? 'in' : 'out', code, retry, after, ms: performance.now() - begin }),
  );
}

const right = (name: string, more: object = {}) => ({ name, password: 'right', ...more });
const wrong = (name: string, more: object = {}) => ({ name, password: 'wrong', ...more });

async function fail(times: number, name: string, from?: string): Promise<void> {
  for (let n = 0; n < times; n++) expect(await attempt(wrong(name), from)).toMatchObject({ code: 'refused' });
}

const calls = (name: string) =>
  server.run(({ memory }, of) => (memory.calls as string[]).filter((each) => each === of).length, name);
const lines = (text: string) => server.run(({ lines: all }, part) => all.filter((line) => line.includes(part)), text);

describe('ten failed attempts with one key from one address', () => {
  it('make further ones be refused without a call, for twice as long after each failure', async () => {
    const name = newName();
    await fail(10, name, '8.8.4.1');
    const first = await attempt(wrong(name), '8.8.4.1');
    expect(first).toMatchObject({ is: 'out', code: 'rate_limited', retry: true });
    expect(first.after).toBeGreaterThan(500);
    expect(first.after).toBeLessThanOrEqual(1_000);
    expect(await attempt(right(name), '8.8.4.1')).toMatchObject({ code: 'rate_limited' });
    expect(await calls(name)).toBe(10);
    await eventually(async () => (await attempt(wrong(name), '8.8.4.1')).code === 'refused', { timeout: 5_000 });
    const second = await attempt(wrong(name), '8.8.4.1');
    expect(second.code).toBe('rate_limited');
    expect(second.after).toBeGreaterThan(1_000);
    expect(second.after).toBeLessThanOrEqual(2_000);
    expect(await calls(name)).toBe(11);
    expect(await lines('10 authentications with one key from one address failed')).toHaveLength(1);
    expect((await lines('limit failed_authentications')).length).toBeGreaterThan(2);
  });

  it('do not keep the owner of the key out at another address, nor somebody else at the same one', async () => {
    const name = newName();
    await fail(10, name, '8.8.4.2');
    const owner = await attempt(right(name), '8.8.4.3');
    expect(owner.is).toBe('in');
    expect(owner.ms).toBeLessThan(3_000);
    expect(await attempt(right(newName()), '8.8.4.2')).toMatchObject({ is: 'in' });
    expect(await attempt(right(name), '8.8.4.2')).toMatchObject({ code: 'rate_limited' });
  });

  it('an owner who was accepted there before does not wait while others guess from everywhere', async () => {
    const name = newName();
    expect(await attempt(right(name), '8.8.5.1')).toMatchObject({ is: 'in' });
    for (let n = 0; n < 10; n++) expect(await attempt(wrong(name), `8.8.6.${n}`)).toMatchObject({ code: 'refused' });
    const guessing = Array.from({ length: 12 }, (_, n) => attempt(wrong(name), `8.8.7.${n}`));
    const { is, ms } = await attempt(right(name), '8.8.5.1');
    expect(is).toBe('in');
    expect(ms).toBeLessThan(1_000);
    await Promise.all(guessing);
  });

  it('a success ends it: ten more may fail', async () => {
    const name = newName();
    await fail(9, name, '8.8.4.4');
    expect(await attempt(right(name), '8.8.4.4')).toMatchObject({ is: 'in' });
    await fail(10, name, '8.8.4.4');
    expect(await attempt(right(name), '8.8.4.4')).toMatchObject({ code: 'rate_limited' });
  });

  it('a client can not get another address by a header of its own', async () => {
    const name = newName();
    await fail(10, name, '9.9.9.9, 8.8.4.5');
    expect(await attempt(wrong(name), '7.7.7.7, 8.8.4.5')).toMatchObject({ code: 'rate_limited' });
    expect(await server.run(({ memory }) => memory.addresses.at(-1))).toBe('8.8.4.5');
  });

  it('attempts at once are not more than ten calls', async () => {
    const name = newName();
    const answers = await Promise.all(
      Array.from({ length: 40 }, () => attempt(wrong(name, { takes: 100 }), '8.8.4.6')),
    );
    expect(await calls(name)).toBe(10);
    expect(answers.filter(({ code }) => code === 'refused')).toHaveLength(10);
    expect(answers.filter(({ code }) => code === 'rate_limited')).toHaveLength(30);
  });
});

describe('what counts as a failure', () => {
  it.each([
    ['throws', '8.8.8.1'],
    ['banned', '8.8.8.4'],
  ])('an attempt with the password "%s"', async (password, address) => {
    const name = newName();
    for (let n = 0; n < 10; n++) await attempt({ name, password }, address);
    expect(await attempt(right(name), address)).toMatchObject({ code: 'rate_limited' });
  });

  it.each([['down'], ['later']])('an attempt with the password "%s" does not', async (password) => {
    const name = newName();
    for (let n = 0; n < 12; n++) await attempt({ name, password }, '8.8.8.2');
    expect(await attempt(right(name), '8.8.8.2')).toMatchObject({ is: 'in' });
  });

  it('an identity that has expired does not, because the credential was right', async () => {
    const name = newName();
    for (let n = 0; n < 12; n++)
      expect(await attempt(right(name, { lasts: -1 }), '8.8.8.3')).toMatchObject({ code: 'expired' });
    expect(await attempt(right(name), '8.8.8.3')).toMatchObject({ is: 'in' });
  });
});

describe('failed attempts with one key from unknown addresses', () => {
  it('slow down guessing, and the owner of the key gets in while it goes on', async () => {
    const name = newName();
    await fail(10, name);
    const before = await calls(name);
    const begin = performance.now();
    let isOver = false;
    const guess = async (): Promise<void> => {
      while (!isOver) await attempt(wrong(name));
    };
    const attackers = Array.from({ length: 8 }, guess);
    const owner = await attempt(right(name));
    const again = await attempt(right(name));
    isOver = true;
    const seconds = (performance.now() - begin) / 1_000;
    const guesses = (await calls(name)) - before - 2;
    await Promise.all(attackers);
    expect([owner, again]).toMatchObject([{ is: 'in' }, { is: 'in' }]);
    // Two each second.
    expect(guesses).toBeLessThanOrEqual(Math.ceil(seconds * 2) + 1);
  });

  it('are told rate_limited without a call if too many wait already', async () => {
    const name = newName();
    await fail(10, name);
    const answers = await Promise.all(Array.from({ length: 60 }, () => attempt(wrong(name))));
    const told = answers.filter(({ code }) => code === 'rate_limited');
    expect(told.length).toBeGreaterThanOrEqual(60 - 20);
    for (const { retry, after } of told) expect([retry, (after ?? 0) >= 1_000]).toEqual([true, true]);
    expect(answers.filter(({ code }) => code === 'timeout')).toEqual([]);
    expect(await calls(name)).toBeLessThanOrEqual(10 + 20);
    expect(await attempt(right(name))).toMatchObject({ is: 'in' });
  });
});

describe('failed attempts without a key from one address', () => {
  it('are slowed down, and others at that address still get in', async () => {
    for (let n = 0; n < 10; n++) await attempt({ password: 'wrong' }, '8.8.9.1');
    const begin = performance.now();
    await Promise.all([attempt({ password: 'wrong' }, '8.8.9.1'), attempt({ password: 'wrong' }, '8.8.9.1')]);
    expect(performance.now() - begin).toBeGreaterThan(500);
    const { is, ms } = await attempt(right(newName()), '8.8.9.1');
    expect(is).toBe('in');
    expect(ms).toBeLessThan(3_000);
    expect((await attempt({ password: 'wrong' }, '8.8.9.2')).ms).toBeLessThan(400);
  });
});

it('a renewal that fails counts, and one too many keeps its access and is told to come later', async () => {
  const name = newName();
  await fail(9, name, '8.8.10.1');
  const headers = { 'X-Forwarded-For': '8.8.10.1' };
  const open = async () => {
    const peer = await rawWebSocket(server.url, { headers });
    await peer.connect('/', right(newName()));
    peer.emit('authenticate');
    await peer.event('authenticated');
    return peer;
  };
  const [failing, later] = [await open(), await open()];
  failing.emit('authenticate', [wrong(name)]);
  expect(await failing.event('unauthenticated')).toMatchObject([{ code: 'refused' }]);
  later.emit('authenticate', [wrong(name)]);
  const [{ after }] = (await later.event('roomgate:renew')) as [{ after: number }];
  expect(after).toBeGreaterThan(0);
  await later.ping();
  expect(await calls(name)).toBe(10);
});
