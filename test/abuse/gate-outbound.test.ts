// npm test: node, bun
// npm run test:matrix: node+redis, bun+redis, newest-node, newest-node+redis, oldest-bun, oldest-bun+redis
import { beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../support/facts.js';
import { openAuthenticated, openPeer, TRANSPORTS } from './peers.js';
import { startVictim, type Victim } from './victim.js';

/** How often one blast reaches an authenticated client that is not addressed by its id. */
const BLASTS_TO_ALL = 6;

let victim: Victim;

beforeAll(async () => {
  victim = await startVictim();
});

async function expectBlastsAtWitnesses(mark: string): Promise<void> {
  for (const { blasts } of victim.witnesses) {
    await eventually(() => blasts.filter((blast) => blast === mark).length >= BLASTS_TO_ALL);
    expect(blasts.filter((blast) => blast === mark)).toHaveLength(BLASTS_TO_ALL);
  }
}

describe.each(TRANSPORTS)('before authentication no broadcast reaches a client over %s', (transport) => {
  it('that has only connected', async () => {
    const peer = await openPeer(victim, transport);

    const { mark, answers, own, fetched } = await victim.call('blast', { id: peer.sid, room: 'lobby' });

    expect({ answers, own, fetched }).toEqual({ answers: victim.witnesses.length, own: 0, fetched: 0 });
    expect(await peer.heardSoFar()).toEqual([]);
    expect(await victim.call('rooms', { id: peer.sid })).toEqual([peer.sid]);
    await expectBlastsAtWitnesses(mark);
    await victim.unharmed();
  });

  it('whose authenticateFn is running', async () => {
    const peer = await openPeer(victim, transport, { verdict: 'hangs' });
    await peer.send('42["authenticate"]');
    await eventually(async () => (await victim.call('stateOf', { id: peer.sid })) === 'authenticating');

    const { mark, own, fetched } = await victim.call('blast', { id: peer.sid, room: 'lobby' });

    expect({ own, fetched }).toEqual({ own: 0, fetched: 0 });
    expect(await peer.heardSoFar()).toEqual([]);
    await expectBlastsAtWitnesses(mark);
    await victim.unharmed();
  });

  it('that the program added to a room early: it receives that room’s messages after authentication', async () => {
    const peer = await openPeer(victim, transport, { verdict: 'yes' });
    await victim.call('give', { id: peer.sid, room: 'given' });
    await victim.call('send', { destination: 'given', topic: 'too-early' });
    expect(await peer.heardSoFar()).toEqual([]);

    await peer.send('42["authenticate"]');
    await peer.heardUntil((frame) => frame.startsWith('42["authenticated"'));
    await victim.call('send', { destination: 'given', topic: 'in-time' });

    expect(await peer.heardSoFar()).toEqual(['42["in-time"]']);
    await victim.unharmed();
  });

  it('but after authentication every broadcast does', async () => {
    const peer = await openAuthenticated(victim, transport);

    const asking = victim.call('blast', { id: peer.sid, room: 'lobby' });
    for (let question = 0; question < 2; question++) {
      const heard = await peer.heardUntil((frame) => /^42\d+\["asked"/.test(frame), 'asked');
      await peer.send(`43${/^42(\d+)/.exec(heard.at(-1) ?? '')?.[1]}["here"]`);
      if (question > 0) continue;
      const blasts = heard.filter((frame) => frame.startsWith('42["blast"'));
      expect(blasts).toHaveLength(BLASTS_TO_ALL + 4);
    }

    expect(await asking).toMatchObject({ answers: victim.witnesses.length + 1, own: 1, fetched: 1 });
    await victim.unharmed();
  });
});

it('a direct socket.emit of the program is sent before authentication, because it is deliberate', async () => {
  const peer = await openPeer(victim, 'websocket');
  await victim.call('tell', { id: peer.sid, data: 'deliberate' });
  expect(await peer.heardSoFar()).toEqual(['42["marker","deliberate"]']);
  await victim.unharmed();
});
