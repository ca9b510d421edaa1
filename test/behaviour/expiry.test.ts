// npm test: node, bun
// npm run test:matrix: node+redis, bun+redis, newest-node, newest-node+redis, oldest-bun, oldest-bun+redis
import { beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../support/facts.js';
import { type PollingPeer, rawPolling, rawWebSocket, type WebSocketPeer } from '../support/raw.js';
import type { TestClient } from '../support/server.js';
import {
  enter,
  heardOn,
  type Inside,
  idOf,
  type Served,
  type ServedOptions,
  serve,
  topicsOf,
  WAYS,
} from './program.js';
import { wires } from './raw-upgrades.js';

/*
 * What the process hands to a socket is recorded in the server's program, where it is written, by the server's own clock: what a client
 * receives, and when, would prove less.
 */

const OPTIONS: ServedOptions['options'] = async ({ memory, note, load }) => {
  const written: [text: string, at: number][] = [];
  memory.written = written;
  memory.block = (until: number) => {
    while (Date.now() < until);
  };
  if ('Bun' in globalThis) {
    // biome-ignore lint/suspicious/noExplicitAny: Bun's own types
    const { Bun } = globalThis as any;
    const made = new Promise<object>((opened) => {
      memory.opened = opened;
    });
    const tried = Bun.serve({
      port: 0,
      fetch: (request: unknown, server: { upgrade(request: unknown): void }) => server.upgrade(request),
      websocket: { open: memory.opened, message() {} },
    });
    new WebSocket(`ws://127.0.0.1:${tried.port}`);
    const webSocket = Object.getPrototypeOf(await made);
    tried.stop(true);
    for (const name of ['send', 'sendText', 'sendBinary']) {
      const plain = webSocket[name];
      webSocket[name] = function (data: unknown, ...more: unknown[]) {
        written.push([String(data), Date.now()]);
        return plain.call(this, data, ...more);
      };
    }
  } else {
    const { Socket } = await load('node:net');
    const { write } = Socket.prototype;
    Socket.prototype.write = function (data: unknown, ...more: unknown[]) {
      // Not the connections to Redis, which other instances need.
      if (this.server) written.push([String(data), Date.now()]);
      return write.call(this, data, ...more);
    };
  }
  return {
    authenticateFn: ({ auth }) => {
      if (typeof auth.lastsMs !== 'number') return true;
      const expiresAt = Date.now() + auth.lastsMs;
      memory.endIsKnown?.(expiresAt);
      return { user: 'ann', expiresAt };
    },
    validateRoomFn: ({ rooms }) => rooms,
    clientConnectedFn: ({ socket }) => {
      socket.on('say', (data, acknowledge) => {
        note(['said', socket.id, data]);
        acknowledge?.('heard');
      });
      socket.on('keep', (acknowledge) => {
        memory.acknowledge = acknowledge;
        note(`kept ${socket.id}`);
      });
    },
  };
};

/** Each sends to the client with this id. */
const FIRST: [what: string, act: (inside: Inside, id: string) => unknown][] = [
  ['a message to all', ({ io }) => io.emit('first message')],
  ['a message to a room', ({ io }, id) => io.to(id).emit('first message')],
  ['a message to one of two rooms', ({ io }, id) => io.to([id, 'other']).emit('first message')],
  ['a volatile message', ({ io }) => io.volatile.emit('first message')],
  ['a message that asks for an acknowledgement', ({ io }) => io.timeout(10).emit('first message', () => {})],
  ['an emit to one client', ({ io }, id) => io.sockets.sockets.get(id)?.emit('first message')],
  ['an acknowledgement', ({ memory }) => memory.acknowledge('first message')],
];

/** What was written at `end` or later and contains `text`. */
const writtenSince = (server: Served, end: number, text: string) =>
  server.run(
    ({ memory }, from, part) =>
      memory.written.filter(([data, at]: [string, number]) => at >= from && data.includes(part)).length,
    end,
    text,
  );

/** Longer than any test on any machine. */
const LONG_MS = 60_000;

/** A client whose access ends at some time. */
const enterAsAnn = (of: Served, transports = ['websocket']): Promise<TestClient> =>
  enter(of.url, { transports, auth: { lastsMs: LONG_MS } });

/** A client that can renew its access. */
interface Renewing {
  readonly id: string;
  readonly renew: (auth: { lastsMs: number }) => unknown;
}

/**
 * Lets the access of a client end after `lastsMs`, by a renewal, and runs `act` as soon as the program knows it: a slow machine loses
 * nothing of that time. Resolves to the end.
 */
async function expire<A extends readonly unknown[]>(
  of: Served,
  { id, renew }: Renewing,
  lastsMs: number,
  act: (inside: Inside, expiresAt: number, id: string, ...args: A) => unknown,
  ...args: A
): Promise<number> {
  const running = of.run(
    async (inside, id, source, given) => {
      const { helper, memory, note } = inside;
      const renewed = new Promise<number>((resolve) => {
        memory.endIsKnown = resolve;
      });
      note(`waits for ${id}`);
      const expiresAt = await renewed;
      memory.endIsKnown = undefined;
      while (helper.getClients({ id })?.identity?.expiresAt !== expiresAt) {
        await new Promise((resolve) => setImmediate(resolve));
      }
      await new Function(`return ${source}`)()(inside, expiresAt, id, ...given);
      return expiresAt;
    },
    id,
    String(act),
    args,
  );
  await of.program.messages.next((message) => message?.note === `waits for ${id}`);
  await renew({ lastsMs });
  return running;
}

const ofClient = (client: TestClient): Renewing => ({
  id: idOf(client),
  renew: (auth) => client.socket.emit('authenticate', auth),
});
const ofPeer = (peer: Pick<WebSocketPeer | PollingPeer, 'emit'>, id: string): Renewing => ({
  id,
  renew: (auth) => peer.emit('authenticate', [auth]),
});

/** `isPolling`: after a flood, or an event loop that blocks, its next poll may come when the connection is closed. */
async function toldThatItExpired(client: TestClient, isPolling = false): Promise<void> {
  await client.heardOf('disconnect');
  const told = heardOn(client, 'unauthenticated');
  if (isPolling && told.length === 0) return;
  expect(told).toEqual([expect.objectContaining({ code: 'expired', message: expect.any(String) })]);
  expect(topicsOf(client).slice(-2)).toEqual(['unauthenticated', 'disconnect']);
}

describe.each([true, false])('with the option fanout %s', (fanout) => {
  let server: Served;
  beforeAll(async () => {
    server = await serve({
      options: new Function(`return async (inside) => ({ ...(await (${OPTIONS})(inside)), fanout: ${fanout} })`)(),
    });
  });

  describe.each(WAYS)('over $way', ({ transports }) => {
    it('a client in a flooded room gets nothing after its access expired, is told and closed in time', async () => {
      const client = await enterAsAnn(server, transports);
      const other = await enter(server.url, { transports, auth: {} });
      for (const each of [client, other]) await each.socket.emitWithAck('join', { rooms: ['flooded'] });
      const expiresAt = await expire(
        server,
        ofClient(client),
        500,
        ({ io, memory }, end, id) =>
          new Promise<void>((resolve) => {
            let sent = 0;
            let delayMs = 0;
            let lateMs = -1;
            let before = Date.now();
            memory.written.splice(0);
            io.sockets.sockets.get(id)?.conn.on('close', () => {
              lateMs = Date.now() - end;
            });
            const flood = setInterval(() => {
              delayMs = Math.max(delayMs, Date.now() - before - 5);
              before = Date.now();
              for (let each = 0; each < 20; each++) io.to('flooded').emit('flood', { at: Date.now(), sent: sent++ });
              if (Date.now() < end + 200) return;
              clearInterval(flood);
              memory.closed = { lateMs, delayMs, sent };
              resolve();
            }, 5);
          }),
      );
      const closed = await server.run(({ memory }) => memory.closed);
      await toldThatItExpired(client, transports.join() === 'polling');
      const times = heardOn(client, 'flood').map((payload) => (payload as { at: number }).at);
      expect(times.length).toBeGreaterThan(20);
      expect(Math.max(...times)).toBeLessThan(expiresAt);
      // An access ends up to 2 ms early.
      expect(closed.lateMs).toBeGreaterThanOrEqual(-3);
      expect(closed.lateMs).toBeLessThanOrEqual(100 + 2 * closed.delayMs);
      await eventually(() => expect(heardOn(other, 'flood')).toHaveLength(closed.sent));
      other.socket.disconnect();
    });

    it('messages that were queued before an event loop that blocks are dropped', async () => {
      const client = await enterAsAnn(server, transports);
      const expiresAt = await expire(server, ofClient(client), 300, ({ io, memory }, end) => {
        // Long before the end, so that a slow machine has queued all of them by then.
        memory.block(end - 150);
        for (let each = 0; each < 50; each++) io.emit('queued', 'X'.repeat(10), each);
        memory.block(end + 20);
      });
      await toldThatItExpired(client, transports.join() === 'polling');
      expect(await writtenSince(server, expiresAt, 'queued')).toBe(0);
      // Without the fan-out, a WebSocket queues nothing.
      if (fanout || !transports.includes('websocket')) expect(heardOn(client, 'queued').length).toBeLessThan(50);
    });

    it('code of the program that never waits reaches the client until its end, and not after it', async () => {
      const client = await enterAsAnn(server, transports);
      const expiresAt = await expire(server, ofClient(client), 300, ({ io, memory }, end, id) => {
        const socket = io.sockets.sockets.get(id);
        memory.block(end - 10);
        while (Date.now() < end + 20) {
          socket?.emit('direct', Date.now());
          socket?.volatile.emit('direct', Date.now());
          socket
            ?.timeout(10)
            .emitWithAck('direct', Date.now())
            .catch(() => {});
          socket?.send('direct', Date.now());
          io.to(id).emit('direct', Date.now());
          io.timeout(10).emit('direct', Date.now(), () => {});
        }
      });
      await toldThatItExpired(client, transports.join() === 'polling');
      const times = [...heardOn(client, 'direct')].filter((at) => typeof at === 'number');
      expect(Math.max(0, ...(times as number[]))).toBeLessThan(expiresAt);
      expect(await writtenSince(server, expiresAt, 'direct')).toBe(0);
    });

    // Nothing else runs between the end and this message: no timer, and no end of a tick.
    it.each(FIRST)('%s is not written if it is the first one after the end', async (_, act) => {
      // Recipients are listed from three on, and then take the shortest path.
      const others = [await enter(server.url, { auth: {} }), await enter(server.url, { auth: {} })];
      const client = await enterAsAnn(server, transports);
      client.socket.emit('keep', () => {});
      await server.program.messages.next((message) => message?.note === `kept ${idOf(client)}`);
      const end = await expire(server, ofClient(client), 400, () => {});
      // In a tick of its own: then the next one is written at once.
      await server.run(({ io }) => void io.emit('earlier'));
      await server.run(
        (inside, id, end, source) => {
          const send = new Function(`return ${source}`)();
          inside.memory.block(end + 5);
          send(inside, id);
        },
        idOf(client),
        end,
        String(act),
      );
      await toldThatItExpired(client, transports.join() === 'polling');
      for (const other of others) other.socket.disconnect();
      expect(heardOn(client, 'first message')).toEqual([]);
    });

    it('an event and an acknowledgement that arrive after the end reach no handler', async () => {
      const client = await enterAsAnn(server, transports);
      await client.socket.emitWithAck('say', 'in time');
      let answer: (() => void) | undefined;
      client.socket.on('question', (acknowledge) => {
        answer = acknowledge;
      });
      const id = idOf(client);
      await server.run(({ io, note }, id) => {
        io.sockets.sockets.get(id)?.emit('question', () => note(`answered ${id}`));
      }, id);
      await eventually(() => answer !== undefined);
      const blocked = expire(server, ofClient(client), 300, ({ memory, note }, end, id) => {
        note(`blocked ${id}`);
        // The answer, and the event, wait in the kernel.
        memory.block(end + 5);
      });
      await server.program.messages.next((message) => message?.note === `blocked ${id}`);
      answer?.();
      client.socket.emit('say', 'too late');
      client.socket.emit('say', 'too late again');
      await blocked;
      await client.heardOf('disconnect');
      const notes = (await server.notes()).filter((note) => String(note).includes(id));
      expect(notes).toEqual([['said', id, 'in time'], `waits for ${id}`, `blocked ${id}`]);
    });
  });

  it('a broadcast that asks for acknowledgements does not wait for a client whose access expired', async () => {
    const client = await enterAsAnn(server);
    const id = idOf(client);
    await expire(server, ofClient(client), 200, async ({ io, memory, note }, end, id) => {
      memory.block(end + 5);
      note(['answers', id, await io.to(id).timeout(2_000).emitWithAck('first message')]);
    });
    expect(await server.notes()).toContainEqual(['answers', id, []]);
    await toldThatItExpired(client);
  });

  it('a listener that takes too long is the last one to hear an event of its payload', async () => {
    const peer = await rawPolling(server.url);
    const { sid } = await peer.connect('/', { lastsMs: LONG_MS });
    await peer.emit('authenticate');
    await peer.next((packet) => packet.includes('"authenticated"'));
    // The payload is sent after the end is known, and must arrive before it.
    const end = await expire(server, ofPeer(peer, sid), 1_500, ({ io, memory, note }, _, id) => {
      io.sockets.sockets.get(id)?.onAny((topic, until) => {
        note([id, topic]);
        if (topic === 'first') memory.block(until);
      });
    });
    await peer.post(`42["first",${end + 5}]`, '42["second"]', '42["third"]');
    const notes = (await server.notes()).filter((note) => String(note).includes(sid));
    expect(notes).toEqual([`waits for ${sid}`, [sid, 'first']]);
  });

  it('an acknowledgement of a handler that took too long is not sent', async () => {
    const client = await enterAsAnn(server);
    const answers: unknown[] = [];
    client.socket.emit('keep', (answer: unknown) => answers.push(answer));
    await server.program.messages.next((message) => message?.note === `kept ${idOf(client)}`);
    const expiresAt = await expire(server, ofClient(client), 200, ({ memory }, end) => {
      setTimeout(() => memory.acknowledge('too late'), end + 2 - Date.now());
    });
    await toldThatItExpired(client);
    expect(answers).toEqual([]);
    expect(await writtenSince(server, expiresAt, 'too late')).toBe(0);
  });

  it('no handler is called for an event whose middleware took too long', async () => {
    const client = await enterAsAnn(server);
    const id = idOf(client);
    await server.run(({ io, memory, note }, id) => {
      io.sockets.sockets.get(id)?.use(([topic], next) => {
        if (topic !== 'say') return next();
        memory.next = next;
        note(`middleware of ${id}`);
      });
    }, id);
    client.socket.emit('say', 'slow middleware');
    await server.program.messages.next((message) => message?.note === `middleware of ${id}`);
    await expire(server, ofClient(client), 200, ({ memory }, end) => {
      memory.block(end + 2);
      memory.next();
    });
    await toldThatItExpired(client);
    expect(JSON.stringify(await server.notes())).not.toContain('slow middleware');
  });

  it('an outgoing listener that takes too long lets no message out', async () => {
    const client = await enterAsAnn(server);
    const expiresAt = await expire(server, ofClient(client), 200, ({ io, memory }, end, id) => {
      const socket = io.sockets.sockets.get(id);
      socket?.onAnyOutgoing((event) => {
        if (event === 'listened') memory.block(end + 2);
        else if (event === 'unauthenticated') socket.emit('from the listener', 'more');
      });
      io.emit('listened', 'to');
    });
    await toldThatItExpired(client);
    // Socket.IO's own path writes right after the listeners.
    if (fanout) expect(await writtenSince(server, expiresAt, '"listened"')).toBe(0);
    expect(await writtenSince(server, expiresAt, 'from the listener')).toBe(0);
  });

  it.each([3_600_000, -3_600_000])('a wall clock that moves by %d ms prolongs nothing', async (ms) => {
    const client = await enterAsAnn(server);
    await expire(
      server,
      ofClient(client),
      600,
      ({ io, memory }, end, _, by) => {
        const { now } = Date;
        memory.block(end - 300);
        Date.now = () => now() + by;
        io.emit('moved', 1);
        const later = performance.now() + 320;
        while (performance.now() < later);
        io.emit('moved', 2);
        Date.now = now;
      },
      ms,
    );
    await toldThatItExpired(client);
    expect(heardOn(client, 'moved')).not.toContain(ms > 0 ? 1 : 2);
  });

  it('packets that wait for a poll are dropped, and the poll says why', async () => {
    const peer = await rawPolling(server.url);
    const { sid } = await peer.connect('/', { lastsMs: LONG_MS });
    await peer.emit('authenticate');
    await peer.next((packet) => packet.includes('"authenticated"'));
    expect((await peer.poll()).join()).toContain('"ping"');
    const blocked = expire(server, ofPeer(peer, sid), 300, ({ io, memory, note }, end) => {
      for (let each = 0; each < 20; each++) io.emit('waiting', each);
      note('polling is blocked');
      memory.block(end + 1);
    });
    await server.program.messages.next((message) => message?.note === 'polling is blocked');
    // It waits in the kernel until the event loop goes on.
    const polled = peer.poll();
    await blocked;
    const packets = await polled;
    expect(packets.join()).toContain('"code":"expired"');
    expect(packets.join()).not.toContain('waiting');
  });

  it('a client that has not read is not told, and gets nothing more: its socket is destroyed', async () => {
    const peer: WebSocketPeer = await rawWebSocket(server.url);
    const { sid } = await peer.connect('/', { lastsMs: LONG_MS });
    peer.emit('authenticate');
    await peer.event('authenticated');
    peer.pauseReading();
    // More than the kernel takes, and half of the limit of a client, because the kernel may take a little more later.
    const sent = await server.run(async ({ io }, id) => {
      const socket = io.sockets.sockets.get(id);
      const conn = socket?.conn as unknown as { transport: { socket: { bufferedAmount: number } } } | undefined;
      const text = 'x'.repeat(100_000);
      let sent = 0;
      let unread = 0;
      while (conn !== undefined && unread < 20) {
        unread = conn.transport.socket.bufferedAmount > 0 ? unread + 1 : 0;
        if (unread === 0) io.to(id).emit('unread', sent++, text);
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
      for (let more = 0; more < 5; more++) io.to(id).emit('unread', sent++, text);
      return sent;
    }, sid);
    const expiresAt = await expire(server, ofPeer(peer, sid), 200, ({ memory }) => {
      // Also what was written while the clock was set forward.
      memory.written.splice(0);
    });
    await server.holdsNobody();
    // Long before an end that waits for the peer.
    await eventually(async () => expect(await wires(server)).toBe(0), { timeout: 3_000 });
    peer.resumeReading();
    expect((await peer.closed).code).toBe(1006);
    expect(peer.frames.all.filter((frame) => String(frame).includes('"unread"')).length).toBeLessThan(sent);
    expect(peer.frames.all.some((frame) => String(frame).includes('"expired"'))).toBe(false);
    expect(await writtenSince(server, expiresAt, 'unread')).toBe(0);
    // An access ends up to 2 ms early.
    expect(await writtenSince(server, expiresAt - 3, '"expired"')).toBe(0);
  });
});

it('drops the early events of a client whose access expires while clientConnectedFn runs', async () => {
  const server = await serve({
    options: ({ note }) => ({
      authenticateFn: () => ({ user: 'ann', expiresAt: Date.now() + 500 }),
      clientConnectedFn: async ({ socket }) => {
        await new Promise((resolve) => socket.on('disconnect', resolve));
        socket.on('early', (data) => note(data));
      },
    }),
  });
  const client = await enter(server.url);
  client.socket.emit('early', 'event');
  await toldThatItExpired(client);
  await server.holdsNobody();
  expect(await server.notes()).toEqual([]);
});
