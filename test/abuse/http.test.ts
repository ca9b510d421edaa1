// npm test: node, bun
// npm run test:matrix: node+redis, bun+redis, newest-node, newest-node+redis, oldest-bun, oldest-bun+redis
import { request } from 'node:http';
import { createConnection } from 'node:net';
import { beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../support/facts.js';
import { rawWebSocket } from '../support/raw.js';
import { openAuthenticated, openPeer } from './peers.js';
import { startVictim, type Victim } from './victim.js';

let victim: Victim;

beforeAll(async () => {
  victim = await startVictim({ options: { authenticateTimeout: 2_500 } });
});

function ask(path: string, method = 'GET', body = '', headers: Record<string, string> = {}): Promise<number> {
  return new Promise((resolve, reject) => {
    const asked = request(new URL(path, victim.url), { method, agent: false, headers }, (answer) => {
      answer.resume();
      answer.on('end', () => resolve(answer.statusCode ?? 0));
    });
    asked.on('error', reject);
    asked.end(body);
  });
}

describe('a request that Engine.IO rejects', () => {
  it.each([
    ['the protocol of version 3', '/socket.io/?EIO=3&transport=polling'],
    ['no version of the protocol', '/socket.io/?transport=polling'],
    ['an unknown transport', '/socket.io/?EIO=4&transport=pigeon'],
    ['a transport named after a property', '/socket.io/?EIO=4&transport=constructor'],
    ['two transports', '/socket.io/?EIO=4&transport=polling&transport=websocket'],
    ['no transport', '/socket.io/?EIO=4'],
    ['an unknown session', '/socket.io/?EIO=4&transport=polling&sid=nobody'],
    ['a session named __proto__', '/socket.io/?EIO=4&transport=polling&sid=__proto__'],
    ['a session named constructor', '/socket.io/?EIO=4&transport=polling&sid=constructor'],
    ['a transport that needs an upgrade', '/socket.io/?EIO=4&transport=websocket'],
  ])('%s is answered 400', async (_, path) => {
    expect(await ask(path)).toBe(400);
    await victim.unharmed();
  });

  it('the id of a socket differs from the id of its session', async () => {
    const peer = await openAuthenticated(victim, 'websocket');
    expect(await ask(`/socket.io/?EIO=4&transport=polling&sid=${peer.sid}`)).toBe(400);
    await victim.unharmed();
  });

  it('a WebSocket session cannot be taken over by polling, and an unknown session cannot be upgraded', async () => {
    const socket = await victim.webSocket();
    const handshake = String(await socket.frames.next());
    const { sid } = JSON.parse(handshake.slice(1));
    expect(await ask(`/socket.io/?EIO=4&transport=polling&sid=${sid}`)).toBe(400);
    expect(await ask(`/socket.io/?EIO=4&transport=polling&sid=${sid}`, 'POST', '42["authenticate"]')).toBe(400);
    await expect(rawWebSocket(victim.url, { query: { sid: 'nobody' } })).rejects.toThrow();
    await victim.unharmed();
  });

  it('two concurrent polls close the session and no other', async () => {
    const polling = await victim.polling();
    const path = `/socket.io/?EIO=4&transport=polling&sid=${polling.sid}`;
    await polling.connect('/');
    const statuses = await Promise.all([ask(path), ask(path)]);
    expect(statuses).toContain(400);
    await victim.unharmed();
  });
});

it('an invalid Host header neither fails nor logs anything', async () => {
  // Engine.IO ignores the header. On Bun it becomes part of a URL, and the engine refuses headers that make it invalid
  // or change it.
  await victim.call('lines');
  for (const host of ['x:99999', '[::1', '%zz', 'a b', 'x/y', '']) {
    expect([200, 400, 404]).toContain(await ask('/socket.io/?EIO=4&transport=polling', 'GET', '', { host }));
  }
  expect((await victim.call('lines')).filter((line: string) => /^(warn|error)/.test(line))).toEqual([]);
  // Authenticated clients of this test never poll again.
  await victim.unharmed(12_000);
});

describe('maxHttpBufferSize', () => {
  const TOO_LARGE = 1_000_001;

  it('a frame of more than 1 MB closes its connection', async () => {
    const peer = await openPeer(victim, 'websocket');
    await peer.send('x'.repeat(TOO_LARGE));
    await peer.heardToTheEnd();
    await victim.unharmed();
  });

  it('a POST of more than 1 MB is refused, with and without Content-Length', async () => {
    const polling = await victim.polling();
    const path = `/socket.io/?EIO=4&transport=polling&sid=${polling.sid}`;
    for (const headers of [{}, { 'transfer-encoding': 'chunked' }]) {
      const outcome = await ask(path, 'POST', '4'.repeat(TOO_LARGE), headers as Record<string, string>).catch(
        () => 413,
      );
      expect([400, 413]).toContain(outcome);
    }
    await victim.unharmed();
  });
});

it('bytes that are not HTTP and invalid WebSocket handshakes affect no other client', async () => {
  const { hostname, port } = new URL(victim.url);
  const upgrade =
    'GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n';
  const key = 'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n';
  const texts = [
    '\x00\xff\r\n\r\n',
    `${upgrade}\r\n`,
    `${upgrade}${key}\r\n\xff\xff\xff\xff\xff\xff`,
    `${upgrade}${key}\r\n\x81`,
  ];
  for (const text of texts) {
    const socket = createConnection({ host: hostname, port: Number(port) });
    socket.on('error', () => undefined);
    socket.resume();
    socket.write(Buffer.from(text, 'latin1'));
    await eventually(() => socket.bytesRead > 0 || socket.destroyed, { what: 'an answer or an end' });
    socket.destroy();
  }
  await victim.unharmed();
});

it('500 connections that open and close at once leave nothing behind', async () => {
  for (let burst = 0; burst < 5; burst++) {
    const sockets = await Promise.all(Array.from({ length: 100 }, () => rawWebSocket(victim.url)));
    for (const [index, socket] of sockets.entries()) {
      socket.send(index % 2 === 0 ? '40{"verdict":"yes"}' : '40{"verdict":"hangs"}');
      socket.send('42["authenticate"]');
      socket.terminate();
    }
    await victim.beat(4);
  }
  await victim.unharmed();
});
