// npm test: node, bun
// npm run test:matrix: node+redis, bun+redis, newest-node, newest-node+redis, oldest-bun, oldest-bun+redis
import { io as connectClient } from 'socket.io-client';
import { describe, expect, it } from 'vitest';
import { defer } from '../support/cleanup.js';
import { eventually, nextEvent } from '../support/facts.js';
import { startVictim } from './victim.js';

describe('the library installs no process-wide handler', () => {
  it('when it is imported, while it serves, or at shutdown', async () => {
    const victim = await startVictim();
    const serving = await victim.call('processListeners');
    // Node.js itself listens for `exit` while the program's main module has a pending top-level await.
    const none = { ...serving.before, exit: 0 };
    expect(serving.now).toEqual({ ...none, exit: expect.any(Number) });
    expect(serving.now.exit).toBeLessThanOrEqual(1);
    await victim.call('shutdown');
    expect((await victim.call('processListeners')).now).toEqual(none);
    victim.program.endInput();
    expect(await victim.program.ended()).toEqual({ code: 0, signal: null });
    expect(victim.program.stderr).toBe('');
  });

  it('so an uncaught error of the program ends the process', async () => {
    const victim = await startVictim();
    victim.program.send({ call: 0, name: 'throwLater' });
    expect(await victim.program.ended()).toEqual({ code: 1, signal: null });
    expect(victim.program.stderr).toContain('thrown by the program');
  });

  it('so signals end the process', async () => {
    const victim = await startVictim();
    victim.program.kill('SIGTERM');
    expect(await victim.program.ended()).toEqual({ code: null, signal: 'SIGTERM' });
  });
});

describe('shutdown()', () => {
  it('closes connections so that clients reconnect automatically', async () => {
    const victim = await startVictim();
    const clients = Array.from({ length: 20 }, (_, index) =>
      connectClient(victim.url, {
        auth: { verdict: 'yes' },
        transports: index % 2 === 0 ? ['websocket'] : ['polling'],
        forceNew: true,
        reconnectionDelay: 50,
        reconnectionDelayMax: 100,
      }),
    );
    defer(() => {
      for (const client of clients) client.disconnect();
    });
    await Promise.all(
      clients.map(async (client) => {
        await nextEvent(client, 'connect');
        client.emit('authenticate');
        await nextEvent(client, 'authenticated');
      }),
    );
    const reasons: string[] = [];
    let tries = 0;
    for (const client of clients) {
      client.on('disconnect', (reason) => reasons.push(reason));
      client.io.once('reconnect_attempt', () => {
        tries += 1;
      });
    }
    await victim.call('shutdown');
    await eventually(() => tries === clients.length, { what: 'every client tries again' });
    expect(reasons).toHaveLength(clients.length);
    expect(reasons).not.toContain('io server disconnect');
    for (const client of clients) expect(client.active).toBe(true);
  });

  it('drops and reports messages that timers of the program still send', async () => {
    const victim = await startVictim();
    await victim.call('shutdown');
    await victim.call('send', { topic: 'too-late', data: 1 });
    const lines: string[] = await victim.call('lines');
    expect(lines.filter((line) => line.startsWith('warn'))).toEqual([expect.stringContaining('dropped "too-late"')]);
    await victim.call('shutdown');
  });
});

describe('send()', () => {
  it('sends falsy values', async () => {
    const victim = await startVictim();
    const client = await victim.authenticated();
    for (const data of [0, false, '', null, [], {}]) {
      await victim.call('send', { destination: client.sid, topic: 'value', data });
      expect(await client.event('value')).toEqual([data]);
    }
    await victim.call('send', { destination: client.sid, topic: 'value', absent: true });
    expect(await client.event('value')).toEqual([]);
    await victim.unharmed();
  });

  it('rejects an empty destination and a missing or reserved topic, and sends nothing', async () => {
    const victim = await startVictim();
    const wrong = [
      { destination: '', topic: 'value', data: 1 },
      { destination: [], topic: 'value', data: 1 },
      { destination: [''], topic: 'value', data: 1 },
      { destination: null, topic: 'value', data: 1 },
      { destination: 7, topic: 'value', data: 1 },
      { topic: '', data: 1 },
      { topic: null, data: 1 },
      { data: 1 },
      ...['connect', 'connect_error', 'disconnect', 'disconnecting', 'newListener', 'removeListener', 'roomgate:x'].map(
        (topic) => ({ topic, data: 1 }),
      ),
    ];
    for (const each of wrong) await expect(victim.call('send', each)).rejects.toThrow('RoomgateError');
    await victim.unharmed();
  });
});
