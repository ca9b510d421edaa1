import { beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../support/facts.js';
import { TRANSPORTS } from './peers.js';
import { startVictim, type Victim } from './victim.js';

const PACKETS = 2_000;
/** A connection that is closed for what it sent may take so long to fetch its last words. */
const GONE_MS = 8_000;

let victim: Victim;

beforeAll(async () => {
  victim = await startVictim({ options: { authenticateTimeout: 500 } });
});

/** Sends them as one burst: over polling in one request, over a WebSocket without waiting. */
async function flood(transport: string, packet: (index: number) => string): Promise<void> {
  const packets = Array.from({ length: PACKETS }, (_, index) => packet(index));
  if (transport === 'polling') {
    const polling = await victim.polling();
    await polling.post(...packets);
    return;
  }
  const socket = await victim.webSocket();
  for (const each of packets) socket.send(each);
}

describe.each(TRANSPORTS.slice(0, 2))('a flood of CONNECT packets over %s', (transport) => {
  it('makes at most one client of one connection', async () => {
    await victim.call('forgetMost');
    await flood(transport, () => '40{"verdict":"yes"}');
    await eventually(async () => (await victim.call('most')) > victim.baseline.clients, { what: 'a client more' });
    await victim.beat();
    expect(await victim.call('most')).toBe(victim.baseline.clients + 1);
    await victim.unharmed(GONE_MS);
  });

  it('leaves no client outside, once the time is over, beside one that came in', async () => {
    const socket = transport === 'polling' ? await victim.polling() : await victim.webSocket();
    const packets = Array.from({ length: 3 }, () => '40{"verdict":"yes"}');
    if ('post' in socket) await socket.post(...packets);
    else for (const packet of packets) socket.send(packet);
    await eventually(async () => (await victim.call('most')) > victim.baseline.clients, { what: 'a client more' });
    await socket.emit('authenticate');
    await eventually(async () => (await victim.call('outside')) === 0, { what: 'nobody is outside any more' });
    await victim.unharmed(GONE_MS);
  });

  it('to namespaces that do not exist leaves nothing', async () => {
    await flood(transport, (index) => `40/nowhere-${index},`);
    await victim.unharmed(GONE_MS);
  });
});
