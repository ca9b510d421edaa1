// npm test: node, bun
// npm run test:matrix: node+redis, bun+redis, newest-node, newest-node+redis, oldest-bun, oldest-bun+redis
import { beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../support/facts.js';
import { openPeer, type Peer, TRANSPORTS } from './peers.js';
import { startVictim, type Victim } from './victim.js';

/** Long enough to connect and reconnect a few times on a busy machine. */
const DEADLINE_MS = 1_500;
/** Tolerance for a busy machine. A renewed deadline would take far longer than this. */
const SLACK_MS = 3_500;

let victim: Victim;

beforeAll(async () => {
  victim = await startVictim({ options: { authenticateTimeout: DEADLINE_MS } });
});

/** Milliseconds until the server has closed what `start` opened. */
async function timed(work: () => Promise<void>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

async function untilClosed(act: () => Promise<unknown>): Promise<number> {
  let times = 0;
  for (;;) {
    try {
      await act();
      times += 1;
    } catch {
      return times;
    }
  }
}

function expectTold(frames: readonly string[]): void {
  const [told = '', ...after] = frames.filter((frame) => frame !== '2');
  expect(told).toMatch(/^42\["unauthenticated",\{"message":"[^"]+","time":"[^"]+","code":"timeout"\}\]$/);
  expect(after).toEqual(['41']);
}

describe.each(TRANSPORTS)('authenticateTimeout over %s', (transport) => {
  it('disconnects a client that never sends `authenticate`', async () => {
    const ms = await timed(async () => {
      const peer = await openPeer(victim, transport);
      expectTold(await peer.heardToTheEnd());
    });
    expect(ms).toBeLessThan(DEADLINE_MS + SLACK_MS);
    await victim.unharmed();
  });

  it('disconnects a client whose authenticateFn hangs', async () => {
    const peer = await openPeer(victim, transport, { verdict: 'hangs' });
    await peer.send('42["authenticate"]');
    expectTold(await peer.heardToTheEnd());
    await victim.unharmed();
  });

  it('is not extended by traffic', async () => {
    const ms = await timed(async () => {
      const peer = await openPeer(victim, transport);
      await untilClosed(async () => {
        await peer.send('42["secret"]', '3');
        // Fewer than a client may send: Bun 1.2 can't pause, and ends a client with 10 000 messages that wait.
        await new Promise((resolve) => setTimeout(resolve, 2));
        if ((await victim.call('stateOf', { id: peer.sid })) === null) throw new Error('gone');
      });
    });
    expect(ms).toBeGreaterThan(DEADLINE_MS / 2);
    expect(ms).toBeLessThan(DEADLINE_MS + SLACK_MS);
    await victim.unharmed();
  });

  it('is not extended by leaving and rejoining the namespace, which leaks no listeners', async () => {
    let rounds = 0;
    let most = 0;
    const ms = await timed(async () => {
      const peer = await openPeer(victim, transport);
      rounds = await untilClosed(async () => {
        const sid = await comeBack(peer);
        most = Math.max(most, await victim.call('listenersOf', { id: sid }));
      });
    });
    expect(rounds).toBeGreaterThan(3);
    expect(most).toBeLessThan(6);
    expect(ms).toBeLessThan(DEADLINE_MS + SLACK_MS);
    await victim.unharmed();
  });
});

let current: { readonly peer: Peer; sid: string } | undefined;

/** Leaves `/` and connects to it again; resolves to the id of the new socket. */
async function comeBack(peer: Peer): Promise<string> {
  const leaving = current?.peer === peer ? current.sid : peer.sid;
  await peer.send('41');
  await eventually(async () => (await victim.call('stateOf', { id: leaving })) === null);
  await peer.send('40');
  const frames = await peer.heardUntil((frame) => frame.startsWith('40{'));
  const { sid } = JSON.parse(frames.at(-1)?.slice(2) ?? '{}');
  current = { peer, sid };
  return sid;
}

describe('the deadline belongs to the transport', () => {
  it('joining and leaving other namespaces does not keep a client that is not connected to `/`', async () => {
    const ms = await timed(async () => {
      const peer = await openPeer(victim, 'websocket');
      await untilClosed(async () => {
        await peer.send('40/other,');
        await peer.heardUntil((frame) => frame.startsWith('40/other,'));
        await peer.send('41/other,');
        if ((await victim.call('stateOf', { id: peer.sid })) === null) throw new Error('gone');
      });
    });
    expect(ms).toBeLessThan(DEADLINE_MS + SLACK_MS);
    await victim.unharmed();
  });

  it('another joined namespace is closed with the connection', async () => {
    const peer = await openPeer(victim, 'websocket');
    await peer.send('40/other,');
    await peer.heardUntil((frame) => frame.startsWith('40/other,'));
    const heard = await peer.heardToTheEnd();
    expectTold(heard.filter((frame) => !frame.includes('/other')));
    await victim.unharmed();
  });

  it('a client that left `/` is closed without a message', async () => {
    const peer = await openPeer(victim, 'websocket');
    await peer.send('41');
    expect(await peer.heardToTheEnd()).toEqual([]);
    await victim.unharmed();
  });

  it('connections that join no namespace are closed, over WebSocket', async () => {
    const socket = await victim.webSocket();
    const ms = await timed(async () => void (await socket.closed));
    expect(ms).toBeLessThan(DEADLINE_MS + SLACK_MS);
    await victim.unharmed();
  });

  it('connections that join no namespace are closed, over polling', async () => {
    const polling = await victim.polling();
    const heard: string[] = [];
    const ms = await timed(async () => {
      while (!heard.includes('1')) heard.push(...(await polling.poll()));
    });
    // A poll that arrives after the end gets a noop packet before the close packet.
    expect(heard.filter((packet) => packet !== '6')).toEqual(['1']);
    expect(ms).toBeLessThan(DEADLINE_MS + SLACK_MS);
    await victim.unharmed();
  });

  it('requests for namespaces that do not exist do not extend the deadline', async () => {
    const socket = await victim.webSocket();
    const ms = await timed(async () => {
      await untilClosed(async () => {
        socket.send('40/nowhere,');
        await socket.frames.next((frame) => String(frame).startsWith('44/nowhere,'));
      });
    });
    expect(ms).toBeLessThan(DEADLINE_MS + SLACK_MS);
    await victim.unharmed();
  });
});
