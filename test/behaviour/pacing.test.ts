// npm test: node, bun
// npm run test:matrix: node+redis, bun+redis, newest-node, newest-node+redis, oldest-bun, oldest-bun+redis
import { connect as connectTcp } from 'node:net';
import { describe, expect, it } from 'vitest';
import WebSocket from 'ws';
import { defer } from '../support/cleanup.js';
import { EventLog, eventually, within } from '../support/facts.js';
import { connectAuthenticated } from '../support/server.js';
import { type Served, serve } from './program.js';

const SLOW = { timeout: 20_000 };

/** A client whose frames can be sent in one write, so that the server reads many at once. */
class Peer {
  readonly frames = new EventLog<string>();
  readonly closed: Promise<number>;
  readonly #webSocket: WebSocket;
  readonly #tcp: ReturnType<typeof connectTcp>;

  constructor({ port }: Served) {
    const tcp = connectTcp({ host: '127.0.0.1', port });
    this.#tcp = tcp;
    const url = `ws://127.0.0.1:${port}/socket.io/?EIO=4&transport=websocket`;
    this.#webSocket = new WebSocket(url, { createConnection: () => tcp });
    this.#webSocket.on('error', () => {});
    this.#webSocket.on('message', (data) => {
      if (String(data) === '2') this.#webSocket.send('3');
      else this.frames.push(String(data));
    });
    this.closed = new Promise((resolve) => this.#webSocket.once('close', resolve));
    defer(() => this.#webSocket.terminate());
  }

  async enter(): Promise<this> {
    await this.frames.next((frame) => frame.startsWith('0'));
    this.#webSocket.send('40{"token":"let me in"}');
    await this.frames.next((frame) => frame.startsWith('40'));
    this.#webSocket.send('42["authenticate"]');
    await this.event('authenticated');
    return this;
  }

  event(topic: string): Promise<string> {
    return this.frames.next((frame) => frame.startsWith(`42["${topic}"`), { ...SLOW, what: topic });
  }

  say(...numbers: readonly number[]): void {
    this.#tcp.cork();
    for (const number of numbers) this.#webSocket.send(`42["say",${number}]`);
    this.#tcp.uncork();
  }

  /** Events that ask for an answer. */
  ask(count: number): void {
    this.#tcp.cork();
    for (let id = 0; id < count; id++) this.#webSocket.send(`42${id}["ask"]`);
    this.#tcp.uncork();
  }

  /** Reads nothing until `readOn()`. */
  stopReading(): void {
    this.#webSocket.pause();
  }

  readOn(): void {
    this.#webSocket.resume();
  }

  send(frame: string): void {
    this.#webSocket.send(frame);
  }

  close(): void {
    this.#webSocket.close();
  }

  /** Sends what is queued, and ends the TCP connection without a closing handshake. */
  end(): void {
    this.#tcp.end();
  }
}

interface Connected {
  readonly transport: { readonly socket: { readonly bufferedAmount: number }; readonly unread?: number };
}

const upTo = (count: number): number[] => Array.from({ length: count }, (_, n) => n);

/** Resolves with what `memory.heard` has once it has so many entries. */
async function heard(server: Served, count: number): Promise<unknown[]> {
  const all = (): Promise<unknown[]> => server.run(({ memory }) => memory.heard ?? []);
  await eventually(async () => (await all()).length >= count, { timeout: 40_000, what: `${count} events` });
  return all();
}

const keepsAll = () =>
  serve({
    options: ({ memory }) => ({
      authenticateFn: () => true,
      clientConnectedFn: ({ socket }) => {
        memory.heard = [];
        socket.on('say', (number) => memory.heard.push(number));
        socket.on('disconnect', () => memory.heard.push('end'));
      },
    }),
  });

describe('a client that sends much at once', () => {
  it('is heard completely, and in its order', async () => {
    const server = await keepsAll();
    const peer = await new Peer(server).enter();
    peer.say(...upTo(3_000));
    expect(await heard(server, 3_000)).toEqual(upTo(3_000));
  });

  it.each(['close', 'end'] as const)('is heard completely if it leaves immediately after that: %s', async (way) => {
    const server = await keepsAll();
    const peer = await new Peer(server).enter();
    peer.say(...upTo(1_000));
    peer[way]();
    expect(await heard(server, 1_001)).toEqual([...upTo(1_000), 'end']);
    await server.holdsNobody();
  });

  it('is answered completely, but only as fast as it reads', async () => {
    const server = await serve({
      options: ({ memory }) => ({
        authenticateFn: () => true,
        clientConnectedFn: ({ socket }) => {
          memory.asked ??= 0;
          socket.on('ask', (answer) => {
            memory.asked += 1;
            answer('x'.repeat(50_000));
          });
        },
      }),
    });
    const unread = () =>
      server.run(({ helper }) => {
        const conns = [...helper.getClients().values()].map(({ socket }) => socket.conn as unknown as Connected);
        return conns.map(({ transport }) => transport.unread ?? transport.socket.bufferedAmount)[0] ?? 0;
      });
    const asked = () => server.run(({ memory }) => memory.asked as number);
    const peer = await new Peer(server).enter();
    peer.stopReading();
    peer.ask(1_000);
    await eventually(async () => (await unread()) > 0, { what: 'answers that are not read' });
    const honest = await connectAuthenticated(server.url);
    for (let times = 0; times < 50; times++) await honest.socket.timeout(30_000).emitWithAck('ask');
    // Much of what was answered is in the kernel.
    expect(await asked()).toBeLessThan(900);
    peer.readOn();
    for (let answers = 0; answers < 1_000; answers++) {
      await peer.frames.next((frame) => frame.startsWith('43'), SLOW);
    }
    expect(await asked()).toBe(1_050);
  });

  it('does not keep others waiting', async () => {
    const server = await serve({
      options: ({ memory }) => ({
        authenticateFn: () => true,
        clientConnectedFn: ({ socket }) => {
          memory.heard ??= [];
          socket.on('say', (number) => {
            memory.heard.push(number);
            for (const until = performance.now() + 1; performance.now() < until; );
          });
          socket.on('honest', (answer) => {
            memory.heard.push('honest');
            answer();
          });
        },
      }),
    });
    const [flooder, honest] = [await new Peer(server).enter(), await connectAuthenticated(server.url)];
    flooder.say(...upTo(1_000));
    await heard(server, 1);
    await honest.socket.timeout(30_000).emitWithAck('honest');
    const all = await heard(server, 1_001);
    expect(all.filter((it) => it !== 'honest')).toEqual(upTo(1_000));
    // The flood takes 1 s at least. The other client does not wait for its end.
    expect(all.indexOf('honest')).toBeLessThan(900);
  });
});

describe('messagesPerSecond', () => {
  const limited = (more: object) =>
    serve({
      options: `({ memory }) => ({
        authenticateFn: () => true,
        pingInterval: 60_000,
        ...${JSON.stringify(more)},
        clientConnectedFn: ({ socket }) => {
          memory.heard = [];
          socket.on('say', (number) => memory.heard.push(number));
        },
      })` as never,
    });

  it('delays what a client sends above it, and drops nothing', async () => {
    const server = await limited({ limits: { messagesPerSecond: 50, messageBurst: 10 } });
    const peer = await new Peer(server).enter();
    const began = performance.now();
    peer.say(...upTo(80));
    expect(await heard(server, 80)).toEqual(upTo(80));
    expect(performance.now() - began).toBeGreaterThan(1_000);
  });

  it('does not take a client that waits for its turn for a dead one', async () => {
    const server = await limited({
      limits: { messagesPerSecond: 10, messageBurst: 3 },
      serverOptions: { pingInterval: 100, pingTimeout: 1_500 },
    });
    const peer = await new Peer(server).enter();
    peer.say(...upTo(30));
    expect(await heard(server, 30)).toEqual(upTo(30));
    // It may still send, and its connection is the same.
    peer.say(30);
    expect(await heard(server, 31)).toEqual(upTo(31));
  });

  it('tells a client that stays above it why it is disconnected, and when it may return', async () => {
    const server = await limited({
      limits: { messagesPerSecond: 10, messageBurst: 3, delayedFor: 600, refusedFor: 7_000 },
    });
    const peer = await new Peer(server).enter();
    peer.say(...upTo(100));
    const ending = JSON.parse((await peer.event('unauthenticated')).slice(2)) as [string, object];
    expect(ending[1]).toMatchObject({ code: 'rate_limited', retry: true, after: 7_000 });
    await within(peer.closed, 'the end', 10_000);
    await server.holdsNobody();
    const all = await heard(server, 0);
    expect(all).toEqual(upTo(all.length));
    expect(all.length).toBeLessThan(50);
    expect(await server.run(({ lines }) => lines)).toContainEqual(expect.stringContaining('messages_per_second'));
  });

  it('ends a peer that is not authenticated as well', async () => {
    const server = await limited({ limits: { messagesPerSecond: 10, messageBurst: 3, delayedFor: 600 } });
    const peer = new Peer(server);
    await peer.frames.next((frame) => frame.startsWith('0'));
    peer.say(...upTo(500));
    await within(peer.closed, 'the end', 9_000);
    await server.holdsNobody();
  });
});
