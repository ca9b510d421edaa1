// npm test: node, bun
// npm run test:matrix: node+redis, bun+redis, newest-node, newest-node+redis, oldest-bun, oldest-bun+redis
import { describe, expect, it } from 'vitest';
import { SocketIOClientHelper } from '../../src/client/index.js';
import { defer } from '../support/cleanup.js';
import { eventually } from '../support/facts.js';
import { startProgram } from '../support/process.js';
import { startServer } from '../support/server.js';
import { runnerOf } from '../support/setting.js';

const PROGRAM = new URL('../fixtures/abuse-client.mjs', import.meta.url);

describe('the client’s shutdown() stops reconnecting and lets the process exit', () => {
  it.each(['was never there', 'goes away'])('when the server %s', async (mode) => {
    const program = startProgram(PROGRAM, { ...runnerOf(), args: [mode] });
    expect(await program.messages.next((message) => message?.state !== undefined, { timeout: 15_000 })).toEqual({
      state: 'unauthorized',
      active: false,
    });
    expect(await program.ended()).toEqual({ code: 0, signal: null });
    expect(program.messages.unread).toEqual([{ attempts: 1 }, { attempts: 2 }, { attempts: 3 }]);
    expect(program.stderr).toBe('');
  });
});

describe('unsubscribe()', () => {
  it('with a handler removes only that handler, even if it was subscribed twice', async () => {
    const { url, helper: server } = await startServer();
    const client: SocketIOClientHelper = new SocketIOClientHelper({
      identifier: 'client',
      host: url,
      options: { path: '/socket.io', extraHeaders: {}, auth: { token: 'good' } },
      logger: false,
      onConnected: () => client.authenticate(),
    });
    defer(() => client.shutdown());
    await eventually(() => client.getState() === 'authenticated');
    const heard: string[] = [];
    const first = (data: unknown) => void heard.push(`first ${data}`);
    const second = (data: unknown) => void heard.push(`second ${data}`);
    for (const handler of [first, second]) client.subscribe({ event: 'news', handler, ignoreDuplicate: false });
    client.subscribe({ event: 'last', handler: () => void heard.push('last') });

    const say = (topic: string, data: number) => server.send({ payload: { topic, data } });
    say('news', 1);
    say('last', 1);
    await eventually(() => heard.includes('last'));
    client.unsubscribe({ event: 'news', handler: first });
    say('news', 2);
    say('last', 2);
    await eventually(() => heard.filter((it) => it === 'last').length === 2);
    client.unsubscribe({ event: 'news' });
    say('news', 3);
    say('last', 3);
    await eventually(() => heard.filter((it) => it === 'last').length === 3);

    expect(heard).toEqual(['first 1', 'second 1', 'last', 'second 2', 'last', 'last']);
  });
});
