// npm test: node, bun
// npm run test:matrix: node+redis, bun+redis, newest-node, newest-node+redis, oldest-bun, oldest-bun+redis
import { beforeAll, describe, expect, it } from 'vitest';
import { eventually, within } from '../support/facts.js';
import type { PollingPeer, WebSocketPeer } from '../support/raw.js';
import { TRANSPORTS } from './peers.js';
import { startVictim, type Victim } from './victim.js';

const PACKETS = 2_000;
/** How long a connection closed for a violation may take to fetch its last packets. */
const GONE_MS = 10_000;

let victim: Victim;

beforeAll(async () => {
  victim = await startVictim({ options: { authenticateTimeout: 1_500 } });
});

/**
 * Sends the packets as one burst: in one polling request, or over a WebSocket without waiting. Resolves once the
 * server handled them.
 */
async function flood(transport: string, packets: readonly string[]): Promise<PollingPeer | WebSocketPeer> {
  if (transport === 'polling') {
    const polling = await victim.polling();
    await polling.post(...packets);
    return polling;
  }
  const socket = await victim.webSocket();
  for (const packet of packets) socket.send(packet);
  await Promise.race([socket.closed, socket.frames.next((frame) => /^4[04]/.test(String(frame)))]).catch(
    () => undefined,
  );
  return socket;
}

describe.each(TRANSPORTS.slice(0, 2))('a flood of CONNECT packets over %s', (transport) => {
  it('creates at most one client per connection', async () => {
    await flood(
      transport,
      Array.from({ length: PACKETS }, () => '40{"verdict":"yes"}'),
    );
    await victim.beat();
    expect(await victim.call('most')).toBeLessThanOrEqual(victim.baseline.clients + 1);
    await victim.unharmed(GONE_MS);
  });

  it('does not create a socket and run the program’s middleware for every packet', async () => {
    const before = await victim.call('made');
    await flood(
      transport,
      Array.from({ length: PACKETS }, () => '40{"verdict":"yes"}'),
    );
    await victim.beat();
    expect((await victim.call('made')) - before).toBeLessThan(PACKETS / 10);
    await victim.unharmed(GONE_MS);
  });

  it('leaves no unauthenticated client next to an authenticated one after the deadline', async () => {
    const attacker = await flood(transport, ['40{"verdict":"yes"}', '40{"verdict":"yes"}', '40{"verdict":"yes"}']);
    await attacker.emit('authenticate');
    await eventually(async () => (await victim.call('outside')) === 0, { what: 'no unauthenticated client is left' });
    await victim.unharmed(GONE_MS);
  });

  it('to namespaces that do not exist leaves nothing behind', async () => {
    await flood(
      transport,
      Array.from({ length: PACKETS }, (_, index) => `40/nowhere-${index},`),
    );
    await victim.unharmed(GONE_MS);
  });
});

it('a client that disconnects and sends two CONNECT packets at once becomes at most one client', async () => {
  const socket = await victim.webSocket();
  await socket.connect('/', { verdict: 'yes' });
  socket.emit('authenticate');
  await socket.event('authenticated');
  for (const packet of ['41', '40{"verdict":"yes"}', '40{"verdict":"yes"}']) socket.send(packet);
  await within(socket.closed, 'the end of the connection');
  expect(await victim.call('most')).toBeLessThanOrEqual(victim.baseline.clients + 1);
  await victim.unharmed(GONE_MS);
});

describe('CONNECT packets of other namespaces', () => {
  const REFUSED = ['/nowhere', '/refusing'];
  const isUnanswered = (line: string) => line.includes('next()');

  it.each(REFUSED)('that are answered do not count, for %s', async (namespace) => {
    const client = await victim.authenticated();
    for (let times = 0; times < 100; times++) {
      client.send(`40${namespace},`);
      await client.frames.next((frame) => String(frame).startsWith(`44${namespace},`));
    }
    client.send('421["secret"]');
    await client.frames.next((frame) => frame === '431["the secret"]');
    await victim.unharmed(GONE_MS);
  });

  it('that are not answered are limited to 64, without those that were refused meanwhile', async () => {
    const client = await victim.authenticated();
    for (let times = 0; times < 63; times++) {
      client.send('40/silent,');
      const refused = REFUSED[times % 2];
      client.send(`40${refused},`);
      await client.frames.next((frame) => String(frame).startsWith(`44${refused},`));
    }
    client.send('40/silent,');
    client.send('421["secret"]');
    await client.frames.next((frame) => frame === '431["the secret"]');
    client.send('40/silent,');
    await within(client.closed, 'the end of the connection');
    await victim.call('answer');
    await victim.unharmed(GONE_MS);
  });

  it.each(REFUSED)('are not named as unanswered if %s was refused', async (namespace) => {
    await victim.call('lines');
    const socket = await victim.webSocket();
    socket.send(`40${namespace},`);
    await socket.frames.next((frame) => String(frame).startsWith(`44${namespace},`));
    await within(socket.closed, 'the end of the connection', GONE_MS);
    expect((await victim.call('lines')).filter(isUnanswered)).toEqual([]);
    await victim.unharmed(GONE_MS);
  });

  it('are named if one of them has no answer', async () => {
    await victim.call('lines');
    const socket = await victim.webSocket();
    socket.send('40/silent,');
    socket.send('40/refusing,');
    await socket.frames.next((frame) => String(frame).startsWith('44/refusing,'));
    await within(socket.closed, 'the end of the connection', GONE_MS);
    expect((await victim.call('lines')).filter(isUnanswered)).toHaveLength(1);
    await victim.call('answer');
    await victim.unharmed(GONE_MS);
  });
});
