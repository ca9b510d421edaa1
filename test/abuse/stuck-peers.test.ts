// npm test: node, bun
// npm run test:matrix: node+redis, bun+redis, newest-node, newest-node+redis, oldest-bun, oldest-bun+redis
import { beforeAll, describe, expect, it } from 'vitest';
import { CLOSE_TIMEOUT_MS } from '../../src/common/close-timeout.js';
import { eventually } from '../support/facts.js';
import { startProgram } from '../support/process.js';
import { rawPolling, rawWebSocket, type WebSocketPeer } from '../support/raw.js';
import { runnerOf, SETTING } from '../support/setting.js';
import { openPeer } from './peers.js';
import { startVictim, type Victim } from './victim.js';

const DEADLINE_MS = 1_500;
/** Bun checks for idle connections every 4 s. */
const GONE_MS = DEADLINE_MS + CLOSE_TIMEOUT_MS + (SETTING.runtime === 'bun' ? 8_000 : 4_000);
/** On Bun the connection of a peer that reads nothing closes after its idle timeout, which is at least 8 s. */
const SHORT_PINGS = SETTING.runtime === 'bun' ? { pingInterval: 4_000, pingTimeout: 4_000 } : {};
/** More than two kernels buffer, and less than Bun buffers for one client. */
const FLOOD = { messages: 24, characters: 500_000 };

type Attack = (victim: Victim) => Promise<unknown>;

async function deaf(victim: Victim, auth: object): Promise<WebSocketPeer & { readonly sid: string }> {
  const socket = await victim.webSocket();
  const { sid } = await socket.connect('/', auth);
  socket.pauseReading();
  return Object.assign(socket, { sid });
}

async function overdue(victim: Victim): Promise<void> {
  await victim.polling();
  const { engine } = victim.baseline;
  // Bun's engine removes a session at once if it has no pending poll.
  await eventually(async () => (await victim.call('closing')) === 1 || (await victim.counts()).engine === engine, {
    what: 'the server closes it',
  });
}

const ATTACKS: Readonly<Record<string, Attack>> = {
  'never polls and joins nothing': (victim) => victim.polling(),
  'never polls after it connected': (victim) => openPeer(victim, 'polling'),
  'never polls after its refusal': async (victim) => {
    const peer = await openPeer(victim, 'polling', { verdict: 'no' });
    await peer.send('42["authenticate"]');
  },
  'never polls after it left': async (victim) => {
    const peer = await openPeer(victim, 'polling');
    await peer.send('41');
  },
  'never polls after a protocol error': async (victim) => {
    const peer = await openPeer(victim, 'polling');
    await peer.send('49');
  },
  'never reads and joins no namespace': async (victim) => (await victim.webSocket()).pauseReading(),
  'never reads after it connected': (victim) => deaf(victim, {}),
  'never reads after its refusal': async (victim) => (await deaf(victim, { verdict: 'no' })).emit('authenticate'),
};

describe('a peer is closed within the close timeout, even if it', () => {
  const victims = new Map<string, Victim>();
  let attacked = 0;

  // All at once, each against its own program: they mostly wait.
  beforeAll(async () => {
    for (const [name, attack] of Object.entries(ATTACKS)) {
      const victim = await startVictim({ options: { authenticateTimeout: DEADLINE_MS, serverOptions: SHORT_PINGS } });
      victims.set(name, victim);
      await attack(victim);
    }
    attacked = performance.now();
  }, 120_000);

  it.each(Object.keys(ATTACKS))('%s', async (name) => {
    const victim = victims.get(name);
    if (victim === undefined) throw new Error('no victim');
    await victim.beat();
    await victim.holdsNoMore(Math.max(2_000, attacked + GONE_MS - performance.now()));
    expect(victim.program.stderr).toBe('');
  });
});

it('a refused client that never polls again is removed long before a ping timeout', async () => {
  const victim = await startVictim();
  const peer = await openPeer(victim, 'polling', { verdict: 'no' });
  // The second of two answers waits for a poll that never comes.
  await peer.send('42["authenticate"]');
  await eventually(async () => (await victim.call('closing')) === 1, { what: 'the server closes it' });
  const { engine } = victim.baseline;
  await eventually(async () => (await victim.counts()).engine === engine, {
    timeout: CLOSE_TIMEOUT_MS + 4_000,
    what: 'it is forgotten',
  });
});

describe('a client that reads nothing', () => {
  it('delays no other client, and is closed in time after disconnect()', async () => {
    const victim = await startVictim({
      options: { serverOptions: { maxHttpBufferSize: 4e6 }, limits: { queuedBytes: 20_000_000 } },
    });
    const socket = await victim.authenticated();
    socket.pauseReading();
    await victim.call('flood', { id: socket.sid, ...FLOOD });
    await victim.beat();
    expect(await victim.call('stateOf', { id: socket.sid })).toBe('authenticated');

    await victim.call('kick', { id: socket.sid });

    await victim.beat();
    await victim.holdsNoMore(CLOSE_TIMEOUT_MS + 4_000);
    expect(victim.program.stderr).toBe('');
  });
});

describe('shutdown() is bounded by shutdownTimeout, and lets the process exit, with', () => {
  const SHUTDOWN_MS = 1_000;

  it.each([
    ['a peer that never polls', async (victim: Victim) => void (await openPeer(victim, 'polling'))],
    ['a peer that never polls and joins no namespace', async (victim: Victim) => void (await victim.polling())],
    ['a peer that never polls and has left', ATTACKS['never polls after it left']],
    ['a peer that never polls and was refused', ATTACKS['never polls after its refusal']],
    ['a peer that never polls and broke the protocol', ATTACKS['never polls after a protocol error']],
    ['a peer that never polls, joined no namespace and missed its deadline', overdue],
    ['a peer that never reads', async (victim: Victim) => void (await deaf(victim, {}))],
    [
      'a client that does not read its messages',
      async (victim: Victim) => {
        const socket = await victim.authenticated();
        socket.pauseReading();
        await victim.call('flood', { id: socket.sid, ...FLOOD });
      },
    ],
    [
      'a hanging authenticateFn',
      async (victim: Victim) => (await deaf(victim, { verdict: 'hangs' })).emit('authenticate'),
    ],
    ['a request without its body', async (victim: Victim) => void (await victim.halfRequest())],
  ])('%s', async (_, attack) => {
    const options = { shutdownTimeout: SHUTDOWN_MS, authenticateTimeout: attack === overdue ? DEADLINE_MS : 10_000 };
    const victim = await startVictim({ options });
    await attack?.(victim);
    const { ms, listening, clients } = await victim.call('shutdown');
    expect({ listening, clients }).toEqual({ listening: false, clients: 0 });
    // Less than the 5 s that a peer has for reading its last packets.
    expect(ms).toBeLessThan(SHUTDOWN_MS + 3_000);
    victim.program.endInput();
    expect(await victim.program.ended(3_000)).toEqual({ code: 0, signal: null });
    expect(victim.program.stderr).toBe('');
  });
});

it('a client that is refused during its upgrade to WebSocket does not keep the process alive', async () => {
  const onBun = SETTING.runtime === 'bun';
  const fixture = new URL(`../fixtures/${onBun ? 'bun-' : ''}component.mjs`, import.meta.url);
  const program = startProgram(fixture, { ...runnerOf(), args: ['alone', '{"signals":true}'] });
  const { port } = await program.messages.next((message) => 'port' in message, { timeout: 15_000 });
  const url = `http://127.0.0.1:${port}`;
  const polling = await rawPolling(url, { path: '/io/' });
  await polling.connect('/', { token: 'bad' });
  const socket = await rawWebSocket(url, { path: '/io/', query: { sid: polling.sid } });
  socket.send('2probe');
  expect(await socket.frames.next()).toBe('3probe');
  await polling.emit('authenticate');
  await polling.next((packet) => packet.startsWith('42["unauthenticated"'));
  socket.send('5');
  await socket.closed;
  program.endInput();
  program.kill('SIGTERM');
  expect(await program.ended()).toEqual({ code: 0, signal: null });
});
