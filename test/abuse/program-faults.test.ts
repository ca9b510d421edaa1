// npm test: node, bun
// npm run test:matrix: node+redis, bun+redis, newest-node, newest-node+redis, oldest-bun, oldest-bun+redis
import { beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../support/facts.js';
import { openAuthenticated, openPeer, TRANSPORTS } from './peers.js';
import { startVictim, type Victim } from './victim.js';

const REFUSING = {
  no: undefined,
  throws: 'error',
  rejects: 'error',
  'throws undefined': 'error',
  'the string "false"': 'a string',
  'the string "true"': 'a string',
  one: '1',
  // An object has to be an identity: its user is undefined.
  'an empty object': 'undefined',
  'a boxed true': 'undefined',
  'a list with true': 'an array',
  'a thenable that throws': 'error',
  'a getter of then that throws': 'error',
  nothing: 'undefined',
} as const;

/** Long enough for a client to send a request on a busy machine. */
const DEADLINE_MS = 3_000;

let victim: Victim;

beforeAll(async () => {
  victim = await startVictim({ options: { authenticateTimeout: DEADLINE_MS } });
});

describe.each(TRANSPORTS)('over %s: authenticateFn with the result', (transport) => {
  // A new one for each test, because equal warnings are rate limited.
  beforeAll(async () => {
    victim = await startVictim({ options: { authenticateTimeout: DEADLINE_MS } });
  });

  it.each(Object.entries(REFUSING))('%s keeps the client out, with a reason', async (verdict, reported) => {
    await victim.call('lines');
    const peer = await openPeer(victim, transport, { verdict });
    await peer.send('42["authenticate"]');

    const [told = '', ...after] = await peer.heardToTheEnd();

    const code = reported === 'error' ? '"unavailable","after":1000' : '"refused"';
    expect(told).toMatch(
      new RegExp(`^42\\["unauthenticated",\\{"message":"[^"]+","time":"\\d{4}-[^"]+Z","code":${code}\\}\\]$`),
    );
    expect(told).not.toContain('secret');
    // After Socket.IO's disconnect packet, a client would not reconnect.
    expect(after).toEqual(reported === 'error' ? [] : ['41']);
    const lines: string[] = await victim.call('lines');
    const loud = lines.filter((line) => /^(warn|error)/.test(line));
    if (reported === undefined) expect(loud).toEqual([]);
    else if (reported === 'error') expect(loud).toEqual([expect.stringMatching(/^error: .*authenticateFn/)]);
    else expect(loud).toEqual([expect.stringContaining(`received ${reported}`)]);
    await victim.unharmed();
  });
});

it('the deadline ends a client whose authenticateFn returns a thenable that never settles', async () => {
  const peer = await openPeer(victim, 'websocket', { verdict: 'a thenable that never calls back' });
  await peer.send('42["authenticate"]');
  const heard = await peer.heardToTheEnd();
  expect(heard[0]).toContain('"code":"timeout"');
  await victim.unharmed();
});

describe('validateRoomFn with the result', () => {
  it.each([
    ['throws', 'guard_failed'],
    ['rejects', 'guard_failed'],
    ['a list that throws', 'guard_failed'],
    ['a string', 'not_allowed'],
    ['a set', 'not_allowed'],
    ['true', 'not_allowed'],
    ['nothing', 'not_allowed'],
  ])('%s: no room is joined', async (guard, code) => {
    const peer = await openAuthenticated(victim, 'websocket', { guard });
    const before = await victim.call('rooms', { id: peer.sid });
    await peer.send('421["join",{"rooms":["abc","a"]}]');
    const [answer = ''] = await peer.heardUntil((frame) => frame.startsWith('431'));
    const [{ joined, refused }] = JSON.parse(answer.slice(3));
    expect(joined).toEqual([]);
    expect(refused.map((it: { room: string; code: string }) => [it.room, it.code])).toEqual([
      ['abc', code],
      ['a', code],
    ]);
    expect(answer).not.toContain('secret');
    expect(await victim.call('rooms', { id: peer.sid })).toEqual(before);
    await victim.unharmed();
  });

  it.each(['unasked', 'mixed'])('%s rooms: only requested rooms are joined', async (guard) => {
    const peer = await openAuthenticated(victim, 'websocket', { guard });
    const before: string[] = await victim.call('rooms', { id: peer.sid });
    await peer.send('421["join",{"rooms":["a","b"]}]');
    const [answer] = await peer.heardUntil((frame) => frame.startsWith('431'));
    expect(answer).toBe('431[{"joined":["a","b"],"refused":[]}]');
    expect(await victim.call('rooms', { id: peer.sid })).toEqual([...before, 'a', 'b']);
    await victim.unharmed();
  });

  it('that never arrives: the client’s other requests work, and its pending rooms are limited', async () => {
    const peer = await openAuthenticated(victim, 'websocket', { guard: 'hangs' });
    for (let request = 0; request < 8; request++) {
      const rooms = Array.from({ length: 250 }, (_, index) => `${request}-${index}`);
      await peer.send(`42${request}${JSON.stringify(['join', { rooms }])}`);
    }
    const frames = await peer.heardUntil((frame) => frame.startsWith('437'));
    const refusals = frames.map((frame) => JSON.parse(frame.slice(3))[0].refused);
    expect(refusals).toHaveLength(4);
    for (const list of refusals)
      expect(new Set(list.map(({ code }: { code: string }) => code))).toEqual(new Set(['room_limit']));
    await peer.send('429["echo","still here"]');
    await peer.heardUntil((frame) => frame === '439["still here"]');
    await victim.unharmed();
  });
});

describe.each(TRANSPORTS)('over %s: clientConnectedFn that', (transport) => {
  it.each(['throws', 'rejects', 'a thenable that throws'])('%s disconnects only its own client', async (greet) => {
    await victim.call('lines');
    const peer = await openAuthenticated(victim, transport, { greet });
    const [told = '', ...after] = await peer.heardToTheEnd();
    expect(told).toMatch(/^42\["unauthenticated",\{.*"code":"unavailable","after":1000,"handled":0\}\]$/);
    expect(told).not.toContain('secret');
    expect(after).toEqual([]);
    const failures = (await victim.call('lines')).filter((line: string) =>
      /^error: .*clientConnectedFn failed/.test(line),
    );
    expect(failures).toHaveLength(1);
    await eventually(async () => (await victim.call('stateOf', { id: peer.sid })) === null);
    await victim.unharmed();
  });

  it('hangs affects no other client', async () => {
    await victim.call('lines');
    const peer = await openAuthenticated(victim, transport, { greet: 'hangs' });
    await peer.send('421["echo","hello"]');
    await peer.heardUntil((frame) => frame === '431["hello"]');
    const failures = (await victim.call('lines')).filter((line: string) =>
      /^error: .*clientConnectedFn failed/.test(line),
    );
    expect(failures).toEqual([]);
    await victim.unharmed();
  });
});

describe('a listener of outgoing events that throws', () => {
  it('does not prevent the refusal and the disconnect of its client', async () => {
    const peer = await openPeer(victim, 'websocket', { verdict: 'no', outgoing: 'throws' });
    await peer.send('42["authenticate"]');
    expect((await peer.heardToTheEnd()).at(-1)).toBe('41');
    await victim.unharmed();
  });

  it('does not prevent the authentication of its client', async () => {
    const peer = await openPeer(victim, 'websocket', { verdict: 'yes', outgoing: 'throws' });
    await peer.send('42["authenticate"]');
    await eventually(async () => (await victim.call('stateOf', { id: peer.sid })) === 'authenticated');
    await peer.send('421["secret"]');
    await peer.heardUntil((frame) => frame === '431["the secret"]');
    await peer.send('41');
    await eventually(async () => (await victim.call('stateOf', { id: peer.sid })) === null);
    await victim.unharmed();
  });

  it('does not keep a broadcast from the other clients', async () => {
    const peer = await openPeer(victim, 'websocket', { verdict: 'yes', outgoing: 'throws' });
    await peer.send('42["authenticate"]');
    await eventually(async () => (await victim.call('stateOf', { id: peer.sid })) === 'authenticated');
    const late = await victim.authenticated();
    await victim.call('send', { topic: 'whim' });
    await late.event('whim');
    await victim.unharmed();
  });
});

describe.each(['throws', 'rejects'] as const)('a logger that %s', (logger) => {
  it('affects no client', async () => {
    const other = await startVictim({ logger, options: { authenticateTimeout: DEADLINE_MS } });
    for (const verdict of ['throws', 'one', 'no']) {
      const peer = await openPeer(other, 'websocket', { verdict });
      await peer.send('42["secret"]', '42["authenticate"]');
      expect((await peer.heardToTheEnd())[0]).toContain('42["unauthenticated"');
    }
    await (await openAuthenticated(other, 'websocket', { greet: 'throws' })).heardToTheEnd();
    const peer = await openAuthenticated(other, 'websocket', { guard: 'throws' });
    await peer.send('421["join",{"rooms":["a"]}]');
    await peer.heardUntil((frame) => frame.startsWith('431'));
    expect((await other.call('lines')).length).toBeGreaterThan(0);
    await other.unharmed();
  });
});
