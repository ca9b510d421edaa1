// npm test: node, bun
// npm run test:matrix: node+redis, bun+redis, newest-node, newest-node+redis, oldest-bun, oldest-bun+redis
import { beforeAll, describe, expect, it } from 'vitest';
import { settled, type TestClient } from '../support/server.js';
import { enter, heardOn, idOf, type Served, serve, stranger, WAYS } from './program.js';

let server: Served;

beforeAll(async () => {
  server = await serve({
    options: ({ note }) => ({
      clientConnectedFn: ({ socket }) => {
        socket.on('echo', (...args) => {
          const answer = args.pop();
          const bytes = args.map((it) => (it instanceof Uint8Array ? `${it.length} bytes` : typeof it));
          answer(bytes, ...args);
        });
        socket.on('note', note);
      },
    }),
  });
});

const MANY = 2_000;
const VALUES = [0, false, '', null, 'ü😀', [], {}, { a: [1, { b: null }] }, -0.5, 'x'.repeat(70_000)];
const BYTES = [[], [0], [1, 2, 255], Array.from({ length: 5_000 }, (_, index) => index % 256)];

const send = (destination: string | string[] | undefined, data: unknown, topic = 'note') =>
  server.run(
    ({ helper }, to, it, name) =>
      helper.send({ ...(to === null ? {} : { destination: to }), payload: { topic: name, data: it } }),
    destination ?? null,
    data,
    topic,
  );

async function three(transports: string[]): Promise<[TestClient, TestClient, TestClient]> {
  const [ann, bob, eve] = await Promise.all([1, 2, 3].map(() => enter(server.url, { transports })));
  if (ann === undefined || bob === undefined || eve === undefined) throw new Error('unreachable');
  await Promise.all([ann, bob].map(({ socket }) => socket.emitWithAck('join', { rooms: ['open-1', 'open-2'] })));
  return [ann, bob, eve];
}

describe.each(WAYS)('over $way', ({ transports }) => {
  it('send() reaches an id, a room, a list and all clients, each client once, in the order of the calls', async () => {
    const [ann, bob, eve] = await three(transports);
    const outside = await stranger(server.url, { transports });
    await send(undefined, 'everybody');
    await send('open-1', 'room');
    await send(idOf(ann), 'ann');
    await send(['open-1', 'open-2', idOf(eve), idOf(ann)], 'list');
    await send('nobody', 'nobody');
    await send(['nobody', 'open-2'], 'second');
    await send(undefined, 'end');
    await Promise.all([ann, bob, eve].map(settled));
    expect(heardOn(ann, 'note')).toEqual(['everybody', 'room', 'ann', 'list', 'second', 'end']);
    expect(heardOn(bob, 'note')).toEqual(['everybody', 'room', 'list', 'second', 'end']);
    expect(heardOn(eve, 'note')).toEqual(['everybody', 'list', 'end']);
    expect(outside.heard.map(([event]) => event)).toEqual(['connect']);
    for (const { socket } of [ann, bob, eve, outside]) socket.disconnect();
  });

  it('send() delivers every value unchanged', async () => {
    const client = await enter(server.url, { transports });
    for (const value of VALUES) await send(undefined, value, 'value');
    await server.run(({ helper }) => {
      helper.send({ payload: { topic: 'value', data: undefined } });
      helper.send({ payload: { topic: 'value' } });
    });
    await settled(client);
    expect(heardOn(client, 'value')).toEqual([...VALUES, undefined, undefined]);
  });

  it('send() delivers bytes, empty, alone and nested, to each kind of destination', async () => {
    const client = await enter(server.url, { transports });
    await server.run(
      ({ helper }, id, all) => {
        for (const bytes of all) {
          for (const destination of [undefined, id, [id, 'io-default']]) {
            helper.send({ destination, payload: { topic: 'bytes', data: Buffer.from(bytes) } });
          }
          helper.send({ payload: { topic: 'bytes', data: { of: [new Uint8Array(bytes), Buffer.from(bytes), 'x'] } } });
        }
      },
      idOf(client),
      BYTES,
    );
    await settled(client);
    const expected = BYTES.map((bytes) => Buffer.from(bytes)).flatMap((it) => [it, it, it, { of: [it, it, 'x'] }]);
    expect(heardOn(client, 'bytes')).toEqual(expected);
  });

  it(`${MANY} messages arrive in order, each once, with every way of sending`, async () => {
    const client = await enter(server.url, { transports });
    await server.run(
      async ({ helper, io }, id, count) => {
        const socket = helper.getClients({ id })?.socket;
        const bytes = Buffer.alloc(3);
        for (let n = 0; n < count; n++) {
          const data = n % 7 === 0 ? { n, bytes } : { n };
          const payload = { topic: 'n', data };
          if (n % 5 === 0) helper.send({ payload });
          else if (n % 5 === 1) helper.send({ destination: id, payload });
          else if (n % 5 === 2) helper.send({ destination: ['io-default', id], payload });
          else if (n % 5 === 3) socket?.emit('n', data);
          else io.to(id).emit('n', data);
          if (n % 100 === 99) await new Promise((resolve) => setImmediate(resolve));
        }
      },
      idOf(client),
      MANY,
    );
    await settled(client);
    expect(heardOn(client, 'n').map((it) => (it as { n: number }).n)).toEqual(
      Array.from({ length: MANY }, (_, n) => n),
    );
  });

  it('events of clients arrive in order, each once, and are acknowledged', async () => {
    const client = await enter(server.url, { transports });
    const before = (await server.notes()).length;
    for (let n = 0; n < 500; n++) client.socket.emit('note', n);
    for (const args of [[0], [''], [false, null], [{ a: [1] }, 'two', 3], []]) {
      const { answer } = await new Promise<{ answer: unknown[] }>((resolve) =>
        client.socket.emit('echo', ...args, (...answer: unknown[]) => resolve({ answer })),
      );
      expect(answer).toEqual([args.map((it) => typeof it), ...args]);
    }
    expect((await server.notes()).slice(before)).toEqual(Array.from({ length: 500 }, (_, n) => n));
  });

  it('events of clients and acknowledgements may contain bytes, empty ones included', async () => {
    const client = await enter(server.url, { transports });
    for (const bytes of BYTES) {
      const sent = Buffer.from(bytes);
      const { answer } = await new Promise<{ answer: unknown[] }>((resolve) =>
        client.socket.emit('echo', sent, 'between', sent, (...answer: unknown[]) => resolve({ answer })),
      );
      const kind = `${sent.length} bytes`;
      expect(answer).toEqual([[kind, 'string', kind], sent, 'between', sent]);
    }
  });

  it('the program gets answers from one client and from all', async () => {
    // A client of the previous test that the server has not removed yet would be asked too.
    await server.holdsNobody();
    const clients = await three(transports);
    for (const [index, { socket }] of clients.entries()) {
      socket.on('question', (data: unknown, answer: (...args: unknown[]) => void) => answer({ data, index }));
      socket.on('silent', () => {});
    }
    const answers = await server.run(async ({ helper, io }, id) => {
      const one = await helper.getClients({ id })?.socket.timeout(5_000).emitWithAck('question', 'one');
      const bytes = await io
        .to(id)
        .timeout(5_000)
        .emitWithAck('question', Buffer.from([7]));
      const all = await io.timeout(5_000).emitWithAck('question', 'all');
      const room = await io.to('open-1').timeout(5_000).emitWithAck('question', 'room');
      const silent = await io
        .timeout(100)
        .emitWithAck('silent')
        .catch((error: Error) => error.message);
      return { one, bytes: bytes.map(({ data }: { data: Buffer }) => [...data]), all, room, silent };
    }, idOf(clients[0]));
    const byIndex = (a: { index: number }, b: { index: number }): number => a.index - b.index;
    expect(answers.one).toEqual({ data: 'one', index: 0 });
    expect(answers.bytes).toEqual([[7]]);
    expect([...answers.all].sort(byIndex)).toEqual([0, 1, 2].map((index) => ({ data: 'all', index })));
    expect([...answers.room].sort(byIndex)).toEqual([0, 1].map((index) => ({ data: 'room', index })));
    expect(answers.silent).toMatch(/timed out|timeout/);
    for (const { socket } of clients) socket.disconnect();
  });

  it('a volatile message reaches a client that is ready, at most once, and no other message is lost', async () => {
    const client = await enter(server.url, { transports });
    await server.run(async ({ helper, io }, id) => {
      const conn = helper.getClients({ id })?.socket.conn as unknown as { transport: { writable: boolean } };
      while (!conn.transport.writable) await new Promise((resolve) => setImmediate(resolve));
      io.volatile.emit('whim', 1);
      io.to(id).emit('note', 1);
      // Over polling no poll is open now, so a volatile message is dropped.
      io.volatile.emit('whim', 2);
      io.to(id).emit('note', 2);
    }, idOf(client));
    await settled(client);
    expect(heardOn(client, 'note')).toEqual([1, 2]);
    expect(heardOn(client, 'whim').slice(0, transports.length === 1 && transports[0] === 'polling' ? 9 : 1)).toEqual([
      1,
    ]);
  });
});

it('messages sent during an upgrade from polling to WebSocket arrive in order, each once, in both directions', async () => {
  for (let round = 0; round < 5; round++) {
    const client = await stranger(server.url, { transports: ['polling', 'websocket'], auth: { token: 'good' } });
    const id = idOf(client);
    const before = (await server.notes()).length;
    client.socket.emit('authenticate');
    await client.heardOf('authenticated');
    const sending = server.run(async ({ helper }, to) => {
      for (let n = 0; n < 300; n++) {
        helper.send({ destination: to, payload: { topic: 'n', data: n } });
        if (n % 10 === 0) await new Promise((resolve) => setTimeout(resolve, 1));
      }
    }, id);
    for (let n = 0; n < 300; n++) {
      client.socket.emit('note', n);
      if (n % 30 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    await sending;
    await settled(client);
    const all = Array.from({ length: 300 }, (_, n) => n);
    expect(heardOn(client, 'n')).toEqual(all);
    expect((await server.notes()).slice(before)).toEqual(all);
    client.socket.disconnect();
  }
});

it('cb of send() runs after the message was handed over; doLog logs it', async () => {
  const { order, logged } = await server.run(async ({ helper, lines }) => {
    const order: string[] = [];
    await new Promise<void>((resolve) => {
      const cb = (): void => {
        order.push('cb');
        resolve();
      };
      helper.send({ payload: { topic: 'a', data: 1 }, doLog: true, cb });
      order.push('returned');
    });
    return { order, logged: lines.filter((line) => line.includes('sent "a" to')) };
  });
  expect(order).toEqual(['returned', 'cb']);
  expect(logged).toHaveLength(1);
});
