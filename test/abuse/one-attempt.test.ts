// npm test: node, bun
// npm run test:matrix: node+redis, bun+redis, newest-node, newest-node+redis, oldest-bun, oldest-bun+redis
import { beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../support/facts.js';
import { openAuthenticated, openPeer, TRANSPORTS } from './peers.js';
import { startVictim, type Victim } from './victim.js';

const AUTHENTICATED = '42["authenticated"';

let victim: Victim;

beforeAll(async () => {
  victim = await startVictim();
});

function isNamespaceAnswer(frame: string): boolean {
  return frame.startsWith('40{');
}

function sidOf(frames: readonly string[]): string {
  return JSON.parse(frames.at(-1)?.slice(2) ?? '{}').sid;
}

describe.each(TRANSPORTS)('`authenticate` is handled once per connection over %s', (transport) => {
  it('while authenticateFn runs, a second one is ignored', async () => {
    const peer = await openPeer(victim, transport, { verdict: 'waits' });
    const before = await victim.call('asked');
    await peer.send(...Array.from({ length: 50 }, () => '42["authenticate"]'));
    expect(await peer.heardSoFar()).toEqual([]);
    expect(await victim.call('asked')).toBe(before + 1);

    await victim.call('release');
    await peer.heardUntil((frame) => frame.startsWith(AUTHENTICATED));
    expect(await peer.heardSoFar()).toEqual([]);
    await victim.unharmed();
  });

  it('when the client is authenticated, another one is ignored', async () => {
    const peer = await openAuthenticated(victim, transport);
    const before = await victim.call('asked');
    await peer.send('42["authenticate"]', '429["authenticate"]', '42["authenticate",{"again":true}]');
    expect(await peer.heardSoFar()).toEqual([]);
    expect(await victim.call('asked')).toBe(before);
    await victim.unharmed();
  });

  it('after a refusal, another one is ignored', async () => {
    const peer = await openPeer(victim, transport, { verdict: 'no' });
    const before = await victim.call('asked');
    await peer.send('42["authenticate"]');
    const told = await peer.heardUntil((frame) => frame.startsWith('42["unauthenticated"'));
    // The connection may still accept these packets, depending on the transport. They must have no effect.
    await peer.send('40', '42["authenticate"]').catch(() => undefined);
    const heard = [...told, ...(await peer.heardToTheEnd())];
    expect(heard.map((frame) => frame.slice(0, 20))).toEqual(['42["unauthenticated"', '41']);
    expect(await victim.call('asked')).toBe(before + 1);
    await victim.unharmed();
  });
});

it('a verdict for a socket that left is dropped and does not apply to the connection’s next socket', async () => {
  const peer = await openPeer(victim, 'websocket', { verdict: 'waits' });
  const before = await victim.call('asked');
  await peer.send('42["authenticate"]');
  await eventually(async () => (await victim.call('stateOf', { id: peer.sid })) === 'authenticating');
  await peer.send('41');
  await eventually(async () => (await victim.call('stateOf', { id: peer.sid })) === null);
  await peer.send('40{"verdict":"waits"}');
  const sid = sidOf(await peer.heardUntil(isNamespaceAnswer));
  await peer.send('42["authenticate"]');
  await victim.call('release');
  await victim.call('tell', { id: sid });
  const heard = await peer.heardUntil((frame) => frame.startsWith('42["marker"'));
  expect(heard).toHaveLength(1);
  expect(await victim.call('stateOf', { id: sid })).toBe('unauthorized');
  expect(await victim.call('asked')).toBe(before + 1);
  await victim.unharmed();
});

it('a client that leaves and rejoins on the same transport must authenticate again', async () => {
  const peer = await openAuthenticated(victim, 'websocket');
  await peer.send('421["join",{"rooms":["lounge"]}]');
  await peer.heardUntil((frame) => frame.startsWith('431'));
  await peer.send('41');
  await eventually(async () => (await victim.call('stateOf', { id: peer.sid })) === null);
  await peer.send('40{"verdict":"no"}');
  const sid = sidOf(await peer.heardUntil(isNamespaceAnswer));

  await victim.call('blast', { id: sid, room: 'lounge' });
  await victim.call('tell', { id: sid });
  await peer.send('421["secret"]', '42["join",{"rooms":["lounge"]}]');

  expect(await peer.heardUntil((frame) => frame.startsWith('42["marker"'))).toHaveLength(1);
  expect(await victim.call('rooms', { id: sid })).toEqual([sid]);
  await victim.unharmed();
});

it('traffic in other namespaces does not authenticate a client in `/`', async () => {
  const peer = await openPeer(victim, 'websocket', { verdict: 'yes' });
  await peer.send('40/other,');
  await peer.heardUntil((frame) => frame.startsWith('40/other,'));
  await peer.send('42/other,["authenticate"]', '42/other,["join",{"rooms":["lounge"]}]', '42/other,1["hello"]');
  expect(await peer.heardUntil((frame) => frame.startsWith('43/other,1'))).toEqual([
    '43/other,1["from the other namespace"]',
  ]);

  const { own } = await victim.call('blast', { id: peer.sid, room: 'lounge' });
  expect(own).toBe(0);
  expect(await peer.heardSoFar()).toEqual([]);
  expect(await victim.call('stateOf', { id: peer.sid })).toBe('unauthorized');
  await victim.unharmed();
});

it('a refusal closes the connection with all of its namespaces', async () => {
  const peer = await openPeer(victim, 'websocket', { verdict: 'no' });
  await peer.send('40/other,');
  await peer.heardUntil((frame) => frame.startsWith('40/other,'));
  await peer.send('42["authenticate"]');
  const heard = await peer.heardToTheEnd();
  expect(heard.slice(0, 2).map((frame) => frame.slice(0, 20))).toEqual(['42["unauthenticated"', '41']);
  await victim.unharmed();
});
