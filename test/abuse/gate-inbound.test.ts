// npm test: node, bun
// npm run test:matrix: node+redis, bun+redis, newest-node, newest-node+redis, oldest-bun, oldest-bun+redis
import { beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../support/facts.js';
import { openAuthenticated, openPeer, TRANSPORTS } from './peers.js';
import { startVictim, type Victim } from './victim.js';

/** Every kind of valid packet that a client can send, except `authenticate`. */
const SAYINGS: readonly (string | Buffer)[] = [
  '42["secret","plain"]',
  '421["secret","asks for an answer"]',
  '42["join",{"rooms":["witnesses"]}]',
  '422["join",{"rooms":["witnesses"]}]',
  '423["leave",{"rooms":["io-default"]}]',
  '42["ping"]',
  '42["authenticated",{"id":"me"}]',
  '42["roomgate:drain"]',
  '42["constructor"]',
  '42["__proto__"]',
  '424["Authenticate"]',
  '425["authenticate "]',
  '42[0,"a number as a name"]',
  '451-6["secret",{"_placeholder":true,"num":0}]',
  Buffer.from([1, 2, 3]),
  '437["an unrequested acknowledgement"]',
  '461-8[{"_placeholder":true,"num":0}]',
  Buffer.from([4]),
];

let victim: Victim;

beforeAll(async () => {
  // Processing the flood may take a while on a busy machine.
  victim = await startVictim({ options: { authenticateTimeout: 60_000 } });
});

function isOther(entry: string): boolean {
  return !entry.endsWith(' authenticate');
}

describe.each(TRANSPORTS)('before authentication no event over %s reaches a listener', (transport) => {
  it('from a client that has only connected, and none is acknowledged', async () => {
    const peer = await openPeer(victim, transport);
    await peer.send(...SAYINGS);
    expect(await peer.heardSoFar()).toEqual([]);
    expect(await victim.call('heard', { id: peer.sid })).toEqual([]);
    expect(await victim.call('rooms', { id: peer.sid })).toEqual([peer.sid]);
    await victim.unharmed();
  });

  it('from a client whose authenticateFn is running, and `authenticate` is not acknowledged', async () => {
    const peer = await openPeer(victim, transport, { verdict: 'hangs' });
    await peer.send('429["authenticate"]', ...SAYINGS);
    expect(await peer.heardSoFar()).toEqual([]);
    const heard: string[] = await victim.call('heard', { id: peer.sid });
    expect(heard.filter(isOther)).toEqual([]);
    expect(heard).toContain('io.use: onAny authenticate');
    await victim.unharmed();
  });

  it('from a client that is being refused', async () => {
    const peer = await openPeer(victim, transport, { verdict: 'no' });
    await peer.send('42["authenticate"]', ...SAYINGS);
    const heard = await peer.heardToTheEnd();
    expect(heard.map((frame) => frame.slice(0, 20))).toEqual(['42["unauthenticated"', '41']);
    await eventually(async () => (await victim.call('stateOf', { id: peer.sid })) === null);
    expect((await victim.call('heard', { id: peer.sid })).filter(isOther)).toEqual([]);
    await victim.unharmed();
  });

  it('when it is sent together with `authenticate`', async () => {
    const peer = await openPeer(victim, transport, { verdict: 'waits' });
    await peer.send('42["authenticate"]', '421["secret"]');
    expect(await peer.heardSoFar()).toEqual([]);
    await victim.call('release');
    await peer.heardUntil((frame) => frame.startsWith('42["authenticated"'));
    expect((await victim.call('heard', { id: peer.sid })).filter(isOther)).toEqual([]);
    await victim.unharmed();
  });

  it('but after authentication events arrive and are acknowledged', async () => {
    const peer = await openAuthenticated(victim, transport);
    await peer.send('421["secret"]');
    await peer.heardUntil((frame) => frame === '431["the secret"]');
    const heard: string[] = await victim.call('heard', { id: peer.sid });
    for (const where of ['io.use', 'io.on', 'helper.on', 'clientConnectedFn']) {
      for (const how of ['onAny', 'prependAny', 'use', 'on']) expect(heard).toContain(`${where}: ${how} secret`);
    }
    await victim.unharmed();
  });
});

it('a flood of events before authentication is dropped and costs other clients nothing', async () => {
  const peer = await openPeer(victim, 'websocket');
  // As many as a client may send at once by default.
  for (let burst = 0; burst < 4; burst++) {
    await peer.send(...Array.from({ length: 1_000 }, (_, index) => `42${index}["secret",${index}]`));
    await victim.beat(4);
  }
  expect(await peer.heardSoFar()).toEqual([]);
  expect(await victim.call('heard', { id: peer.sid })).toEqual([]);
  await victim.unharmed();
});
