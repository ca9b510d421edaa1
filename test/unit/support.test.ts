// npm test: node
// npm run test:matrix: newest-node
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { connect } from 'node:net';
import { Server } from 'socket.io';
import { describe, expect, test } from 'vitest';
import { defer } from '../support/cleanup.js';
import { EventLog, eventually, nextEvent, unusedPort } from '../support/facts.js';
import { startProgram } from '../support/process.js';
import { rawPolling, rawWebSocket } from '../support/raw.js';
import { startRedis, startRedisCluster } from '../support/redis.js';
import { startProxy } from '../support/tcp-proxy.js';

describe('facts', () => {
  test('eventually names what it waited for and the last reason for waiting', async () => {
    const never = eventually(() => expect(1).toBe(2), { timeout: 20, what: 'one to be two' });
    await expect(never).rejects.toThrow(/not within 20 ms: one to be two; at last: .*expected 1 to be 2/);
    await expect(eventually(() => false, { timeout: 20 })).rejects.toThrow('not within 20 ms: () => false');
    await expect(eventually(() => 7)).resolves.toBe(7);
  });

  test('an event log returns entries that arrived before and after the call', async () => {
    const log = new EventLog<number>();
    log.push(1);
    log.push(2);
    const later = log.next((value) => value > 2);
    log.push(3);
    expect([await log.next((value) => value === 2), await log.next(), await later]).toEqual([2, 1, 3]);
    expect(log.all).toEqual([1, 2, 3]);
    expect(log.unread).toEqual([]);
    await expect(log.next(undefined, { timeout: 10, what: 'a fourth' })).rejects.toThrow(
      'a fourth (3 arrived, 0 unread)',
    );
    const waiting = log.next();
    log.end('it is over');
    await expect(waiting).rejects.toThrow('it is over');
    await expect(log.next()).rejects.toThrow('it is over');
  });
});

test('a free port is given to one test only', async () => {
  // Of 12 000 ports: without reservation, some would be equal by chance.
  const ports = await Promise.all(Array.from({ length: 500 }, () => unusedPort()));
  expect(new Set(ports).size).toBe(ports.length);
});

describe('redis', () => {
  test('can be paused, killed and restarted on its port, empty', async () => {
    const redis = await startRedis({ password: 'first' });
    await redis.cli('SET', 'a', '1');
    expect(await redis.cli('GET', 'a')).toBe('1');
    await redis.configSet('requirepass', 'second');
    expect(await redis.cli('GET', 'a')).toBe('1');
    await redis.pause();
    const answer = redis.cli('PING');
    redis.resume();
    expect(await answer).toBe('PONG');
    const { pid } = redis;
    await redis.kill();
    await expect(redis.cli('PING')).rejects.toThrow('Could not connect');
    await redis.restart();
    expect(redis.pid).not.toBe(pid);
    expect(await redis.cli('EXISTS', 'a')).toBe('0');
    await expect(redis.cli('NOSUCH')).rejects.toThrow();
    await redis.stop();
    await redis.stop();
  });

  test('can run as a cluster of one or three', async () => {
    const [alone, three] = await Promise.all([startRedis({ cluster: true }), startRedisCluster()]);
    expect(await alone.cli('SET', 'a', '1')).toBe('OK');
    const slots = await Promise.all(three.map((node) => node.cli('CLUSTER', 'KEYSLOT', 'a')));
    expect(new Set(slots).size).toBe(1);
    const set = await Promise.allSettled(three.map((node) => node.cli('SET', 'a', '1')));
    expect(set.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected', 'rejected']);
  });

  test('a port in use is reported', async () => {
    const redis = await startRedis();
    await expect(startRedis({ port: redis.port })).rejects.toThrow('did not start');
  });
});

describe('program', () => {
  test('communicates, and exits on an uncaught error', async () => {
    const program = startProgram(new URL('../fixtures/parrot.mjs', import.meta.url), {
      args: ['--one'],
      env: { COLOUR: 'green' },
    });
    expect(await program.messages.next()).toEqual({ argv: ['--one'], colour: 'green', runner: null });
    program.send({ a: 1 });
    program.send('plain');
    expect([await program.messages.next(), await program.messages.next()]).toEqual([{ a: 1 }, 'plain']);
    program.send({ throw: 'thrown on purpose' });
    expect(await program.ended()).toEqual({ code: 1, signal: null });
    expect(program.stderr).toContain('thrown on purpose');
    await expect(program.messages.next()).rejects.toThrow('thrown on purpose');
  });

  test('exits when its input ends', async () => {
    const program = startProgram(new URL('../fixtures/parrot.mjs', import.meta.url));
    program.endInput();
    expect(await program.ended()).toEqual({ code: 0, signal: null });
  });
});

describe('proxy', () => {
  test('pauses, resumes, cuts and refuses connections', async () => {
    const redis = await startRedis();
    const proxy = await startProxy({ target: redis.port });
    const socket = connect(proxy.port, '127.0.0.1');
    const chunks = new EventLog<string>();
    socket.on('data', (chunk) => chunks.push(String(chunk)));
    socket.write('PING\r\n');
    expect(await chunks.next()).toBe('+PONG\r\n');
    proxy.blackhole();
    socket.write('PING\r\n');
    await expect(chunks.next(undefined, { timeout: 100 })).rejects.toThrow('not within');
    proxy.heal();
    expect(await chunks.next()).toBe('+PONG\r\n');
    await proxy.refuse();
    const [refused] = await nextEvent<[Error]>(connect(proxy.port, '127.0.0.1'), 'error');
    expect(refused.message).toContain('ECONNREFUSED');
    expect(proxy.connections).toBe(1);
    await proxy.accept();
    proxy.cut();
    const [reset] = await nextEvent<[Error]>(socket, 'error');
    expect(reset.message).toContain('ECONNRESET');
    await eventually(() => proxy.connections === 0);
    expect(proxy.accepted).toBe(1);
  });
});

describe('raw', () => {
  /** It pings often. The timeout for answers is long, because a busy machine may stall. */
  async function echoServer(pingTimeout = 20_000): Promise<{ url: string; pongs: EventLog<void> }> {
    const http = createServer();
    const io = new Server(http, { pingInterval: 50, pingTimeout });
    const pongs = new EventLog<void>();
    io.engine.on('connection', (connection) => connection.on('heartbeat', () => pongs.push()));
    defer(() => io.close());
    io.use((socket, next) => next(socket.handshake.auth.bad === true ? new Error('no') : undefined));
    io.on('connection', (socket) => socket.on('echo', (value, answer) => answer(value)));
    await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
    return { url: `http://127.0.0.1:${(http.address() as AddressInfo).port}`, pongs };
  }

  test('over WebSocket', async () => {
    const { url, pongs } = await echoServer();
    const raw = await rawWebSocket(url);
    expect((await raw.connect()).sid).toMatch(/.{20}/);
    raw.emit('echo', [{ a: 1 }], 5);
    expect(await raw.frames.next()).toBe('435[{"a":1}]');
    await expect((await rawWebSocket(url)).connect('/', { bad: true })).rejects.toThrow('44{"message":"no"}');
    await pongs.next();
    const silent = await rawWebSocket((await echoServer(300)).url, { answerPings: false });
    await silent.frames.next((frame) => frame === '2');
    expect((await silent.closed).code).toBe(1005);
    await expect(rawWebSocket(url, { query: { transport: 'pigeon' } })).rejects.toThrow('400');
    raw.terminate();
    expect((await raw.closed).code).toBe(1006);
  });

  test('over polling', async () => {
    const { url } = await echoServer();
    const raw = await rawPolling(url);
    expect((await raw.connect()).sid).toMatch(/.{20}/);
    await raw.emit('echo', ['x'], 1);
    await raw.emit('echo', ['y'], 2);
    expect(await raw.next((packet) => packet === '432["y"]')).toBe('432["y"]');
    expect(await raw.poll()).toEqual(['431["x"]']);
    expect((await raw.post('x'.repeat(5))).status).toBe(200);
    await expect(raw.poll()).rejects.toThrow('400');
  });
});
