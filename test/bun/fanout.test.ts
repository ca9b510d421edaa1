// npm test: bun
// npm run test:matrix: oldest-bun
import { describe, expect, it } from 'vitest';
import { enter, heardOn, type Served, type ServedOptions, serve, WAYS } from '../behaviour/program.js';
import { eventually, within } from '../support/facts.js';
import { rawWebSocket, type WebSocketPeer } from '../support/raw.js';

/** An authenticated client with access to its raw frames. */
async function member(server: Served): Promise<{ socket: WebSocketPeer; sid: string }> {
  const socket = await rawWebSocket(server.url);
  const { sid } = await socket.connect('/', { token: 'good' });
  socket.emit('authenticate');
  await socket.event('authenticated');
  return { socket, sid };
}

async function next(socket: WebSocketPeer, count: number): Promise<string[]> {
  const frames: string[] = [];
  while (frames.length < count) frames.push(String(await socket.frames.next((frame) => isOwn(frame))));
  return frames;
}

/** False for frames that the helper itself sends. */
function isOwn(frame: string | Buffer): boolean {
  return typeof frame !== 'string' || !/^(0|40|42\["(ping|authenticated)")/.test(frame);
}

/** Counts direct writes to connections in `memory.plain`. */
async function countPlain(server: Served): Promise<void> {
  await server.run(({ io, memory }) => {
    memory.plain = 0;
    for (const connection of (
      io.engine as unknown as { clients: Map<string, { write(data: unknown): void }> }
    ).clients.values()) {
      const { write } = connection;
      connection.write = (data) => {
        memory.plain++;
        return write.call(connection, data);
      };
    }
  });
}
const plainOf = (server: Served): Promise<number> => server.run(({ memory }) => memory.plain as number);

describe('one tick', () => {
  it('keeps broadcasts, direct messages and events with attachments in one order', async () => {
    const server = await serve();
    const { socket, sid } = await member(server);
    await countPlain(server);
    await server.run(({ io, helper }, id) => {
      io.emit('a', 1);
      io.sockets.sockets.get(id)?.emit('b', 2);
      io.to('io-default').emit('c', Buffer.from('bytes'), new Uint8Array([1, 2]));
      helper.send({ payload: { topic: 'd', data: '€' } });
      helper.send({ destination: id, payload: { topic: 'e', data: 5 } });
      io.emit('f', 6);
    }, sid);
    expect(await next(socket, 8)).toEqual([
      '42["a",1]',
      '42["b",2]',
      '452-["c",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]',
      'bytes',
      '\x01\x02',
      '42["d","€"]',
      '42["e",5]',
      '42["f",6]',
    ]);
    expect(await plainOf(server)).toBe(1);
  });

  it('reaches the members at the time of the send', async () => {
    const server = await serve();
    const [one, two] = [await member(server), await member(server)];
    await server.run(({ io }, id = '') => {
      const socket = io.sockets.sockets.get(id);
      io.to('open').emit('n', 0);
      socket?.join('open');
      io.to('open').emit('n', 1);
      socket?.leave('open');
      io.to('open').emit('n', 2);
      socket?.join('open');
      io.to('open').emit('n', 3);
      io.emit('end');
    }, one.sid);
    expect(await next(one.socket, 3)).toEqual(['42["n",1]', '42["n",3]', '42["end"]']);
    expect(await next(two.socket, 1)).toEqual(['42["end"]']);
  });

  it.each([
    ['socket.disconnect(true)', 'disconnect'],
    ['the connection', 'connection'],
    ['helper.disconnect()', 'helper'],
  ])('that disconnects a client by %s sends earlier messages first', async (_, how) => {
    const server = await serve();
    const { socket, sid } = await member(server);
    await server.run(
      ({ io, helper }, id = '', way = '') => {
        const it = io.sockets.sockets.get(id);
        if (it === undefined) return;
        io.emit('n', 1);
        it.emit('n', 2);
        io.emit('n', 3);
        if (way === 'helper') helper.disconnect({ socket: it as never });
        else if (way === 'disconnect') it.disconnect(true);
        else it.conn.close();
        io.emit('n', 4);
      },
      sid,
      how,
    );
    await within(socket.closed, 'the end');
    expect(socket.frames.all.filter((frame) => String(frame).startsWith('42["n"'))).toEqual([
      '42["n",1]',
      '42["n",2]',
      '42["n",3]',
    ]);
  });

  it('that ends the process sends earlier messages first', async () => {
    const server = await serve();
    const { socket } = await member(server);
    const ended = server.run(({ io }) => {
      for (let n = 0; n < 100; n++) io.emit('n', n);
      process.exit();
    });
    await expect(ended).rejects.toThrow('ended (0)');
    await within(socket.closed, 'the end');
    const heard = socket.frames.all.filter((frame) => String(frame).startsWith('42["n"'));
    expect(heard).toEqual(Array.from({ length: 100 }, (_, n) => `42["n",${n}]`));
  });

  it('sends attachments as they were at the time of the emit', async () => {
    const server = await serve();
    const { socket, sid } = await member(server);
    await server.run(({ io }, id = '') => {
      const bytes = Buffer.from('before');
      io.emit('all', bytes);
      io.sockets.sockets.get(id)?.emit('one', bytes);
      bytes.write('behind');
    }, sid);
    const frames = await next(socket, 4);
    expect([frames[1], frames[3]]).toEqual(['before', 'before']);
  });

  it('ends by itself, even if it began in an immediate of an idle program', async () => {
    const server = await serve();
    const { socket } = await member(server);
    await server.run(({ io }) => {
      io.sockets.sockets.forEach((each) => {
        each.on('n', (n: number) => {
          setImmediate(() => {
            io.emit('n', n + 1);
            // The first message may be sent at once.
            io.emit('n', n + 2);
          });
        });
      });
    });
    // On Bun 1.2 an immediate scheduled by another immediate can be delayed for up to a second.
    const heard = async (): Promise<void> => {
      for (let n = 0; n < 1_000; n += 2) {
        socket.emit('n', [n]);
        expect(await next(socket, 2)).toEqual([`42["n",${n + 1}]`, `42["n",${n + 2}]`]);
      }
    };
    await within(heard(), 'five hundred answers', 20_000);
  });

  it('larger than one write arrives whole', async () => {
    const server = await serve();
    const { socket, sid } = await member(server);
    await server.run(({ io }, id = '') => {
      for (let n = 0; n < 60; n++) {
        io.emit('n', n, 'x'.repeat(5_000));
        io.sockets.sockets.get(id)?.emit('n', n, 'y'.repeat(5_000));
      }
    }, sid);
    const frames = await next(socket, 120);
    expect(frames.map((frame) => /^[^,]*,\d+/.exec(frame)?.[0])).toEqual(
      Array.from({ length: 120 }, (_, n) => `42["n",${Math.floor(n / 2)}`),
    );
  });
});

describe('the standard path is taken', () => {
  it('by a connection that has a listener for each packet', async () => {
    const server = await serve();
    const { socket, sid } = await member(server);
    await server.run(({ io, memory }, id = '') => {
      memory.heard = [];
      const conn = io.sockets.sockets.get(id)?.conn;
      // One emit before, so that the listener is a change.
      io.emit('n', 0);
      setImmediate(() => {
        conn?.on('packetCreate', ({ data }: { data?: unknown }) => memory.heard.push(data));
        setImmediate(() => {
          io.emit('n', 1);
          io.sockets.sockets.get(id)?.emit('n', 2);
          io.emit('n', 3);
        });
      });
    }, sid);
    expect(await next(socket, 4)).toEqual(['42["n",0]', '42["n",1]', '42["n",2]', '42["n",3]']);
    expect(await server.run(({ memory }) => memory.heard as string[])).toEqual(['2["n",1]', '2["n",2]', '2["n",3]']);
  });

  it('by polling clients and clients in an upgrade, in one room with the others', async () => {
    const server = await serve();
    await server.run(({ io, memory }) => {
      memory.n = 0;
      memory.timer = setInterval(() => {
        io.emit('n', memory.n++);
        for (const each of io.sockets.sockets.values()) each.emit('n', memory.n);
        memory.n++;
      }, 2);
    });
    const clients = await Promise.all(WAYS.map(({ transports }) => enter(server.url, { transports })));
    await server.run(({ memory }) => clearInterval(memory.timer));
    const last = await server.run(({ io, memory }) => {
      io.emit('n', memory.n);
      return memory.n as number;
    });
    for (const client of clients) {
      const heard = (): number[] => heardOn(client, 'n') as number[];
      await eventually(() => heard().at(-1) === last, { what: 'the last message' });
      // Before authentication it received only direct messages; from then on all.
      const numbers = heard();
      const from = numbers.findIndex((n) => n % 2 === 0);
      const first = numbers[from] ?? 0;
      expect(numbers.slice(from)).toEqual(Array.from({ length: last - first + 1 }, (_, at) => first + at));
    }
    await countPlain(server);
    await server.run(({ io }) => void io.emit('one by one'));
    expect(await plainOf(server)).toBe(1);
  });

  it('by all connections if the fan-out is switched off', async () => {
    const server = await serve({ options: () => ({ fanout: false }) });
    const { socket } = await member(server);
    await countPlain(server);
    await server.run(({ io }) => void io.emit('n', 1));
    expect(await next(socket, 1)).toEqual(['42["n",1]']);
    expect(await plainOf(server)).toBe(1);
  });

  it('by all connections if the engine is unknown, which is reported once', async () => {
    const before: ServedOptions['before'] = ({ helper }) => {
      const prototype = Object.getPrototypeOf(helper.getEngine());
      const { handshake } = prototype;
      prototype.handshake = async function (...args: unknown[]) {
        const response = await handshake.apply(this, args);
        for (const connection of this.clients.values()) connection.once = () => connection;
        return response;
      };
    };
    const server = await serve({ before });
    const { socket } = await member(server);
    await countPlain(server);
    await server.run(({ io }) => void io.emit('n', 1));
    expect(await next(socket, 1)).toEqual(['42["n",1]']);
    expect(await plainOf(server)).toBe(1);
    const lines = await server.run(({ lines }) => lines.filter((line) => line.startsWith('warn')));
    expect(lines).toEqual([expect.stringContaining('once() by on() of a connection')]);
  });
});

describe.each(['late', 'written'] as const)('a peer that reads slowly, with handlers that are %s', (handlers) => {
  it('receives everything in order except volatile messages, which wait in the engine', async () => {
    const server = await serve({ serving: { handlers } });
    const [slow, quick] = [await member(server), await member(server)];
    slow.socket.pauseReading();
    const sent = await server.run(async ({ io, memory }, id = '') => {
      const socket = io.sockets.sockets.get(id);
      const conn = socket?.conn as unknown as { transport: { writable: boolean }; writeBuffer: unknown[] };
      memory.conn = conn;
      let n = 0;
      while (conn.transport.writable && n < 20_000) {
        for (let k = 0; k < 20; k++) {
          // Only to the slow client: on a busy machine the quick one may read slowly too.
          io.to(id).emit('n', n++, 'x'.repeat(5_000));
          socket?.emit('n', n++);
        }
        await new Promise((resolve) => setTimeout(resolve, 0));
      }
      for (let k = 0; k < 10; k++) {
        io.volatile.emit('volatile', k);
        socket?.volatile.emit('volatile', k);
        io.emit('n', n++);
        socket?.emit('n', n++);
      }
      await new Promise((resolve) => setTimeout(resolve, 0));
      return { n, waiting: conn.writeBuffer.length };
    }, slow.sid);
    expect(sent.waiting).toBeGreaterThanOrEqual(20);
    slow.socket.resumeReading();
    await eventually(() => server.run(({ memory }) => memory.conn.transport.writable as boolean), {
      what: 'the server goes on',
    });
    await server.run(({ io }) => void io.volatile.emit('last'));
    const frames = await framesUntil(slow.socket, '42["last"]');
    expect(frames.filter((frame) => frame.startsWith('42["volatile"'))).toEqual([]);
    const numbers = frames.map((frame) => Number(/^42\["n",(\d+)/.exec(frame)?.[1]));
    expect(numbers.slice(0, -1)).toEqual(Array.from({ length: sent.n }, (_, n) => n));
    // The other clients are not delayed.
    const others = await framesUntil(quick.socket, '42["last"]');
    expect(others.filter((frame) => frame.startsWith('42["volatile"')).length).toBe(10);
  });
});

async function framesUntil(socket: WebSocketPeer, last: string): Promise<string[]> {
  await eventually(() => socket.frames.all.includes(last), { what: last });
  return socket.frames.all.filter(isOwn).map(String);
}
