// npm test: node
// npm run test:matrix: newest-node
import { createServer } from 'node:http';
import { Adapter } from 'socket.io-adapter';
import { describe, expect, it } from 'vitest';
import { SocketIOServerHelper } from '../../src/index.js';
import { broadcastsAsKnown } from '../../src/socketio/adapter-probe.js';
import { track } from '../support/cleanup.js';
import { createHelper } from '../support/client.js';
import { eventually, unusedPort } from '../support/facts.js';
import { LogLines } from '../support/log-lines.js';
import { rawWebSocket } from '../support/raw.js';

type Options = Partial<ConstructorParameters<typeof SocketIOServerHelper>[0]>;

async function start(options: Options = {}) {
  const server = createServer();
  const logger = new LogLines();
  const helper = new SocketIOServerHelper({
    identifier: 'fanout',
    serverOptions: { serveClient: false },
    authenticateFn: () => true,
    ...options,
    ...{ runtime: 'node' as const, server, logger },
  });
  await helper.configure();
  track({ stop: () => helper.shutdown() });
  const port = await unusedPort();
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  return { helper, logger, url: `http://127.0.0.1:${port}` };
}

async function enter(url: string) {
  const socket = await rawWebSocket(url);
  const { sid } = await socket.connect('/', {});
  socket.emit('authenticate');
  await socket.event('authenticated');
  return Object.assign(socket, { sid });
}

/** Counts this process's writes to a connection, through its stream. */
function writesOf(helper: SocketIOServerHelper, id: string): { count: number } {
  const connection = helper.getClients({ id })?.socket.conn as unknown as {
    transport: { socket: { _socket: { write(...args: unknown[]): boolean } } };
  };
  const stream = connection.transport.socket._socket;
  const { write } = stream;
  const writes = { count: 0 };
  stream.write = (...args) => {
    writes.count++;
    return write.apply(stream, args);
  };
  return writes;
}

const named = (count: number) => Array.from({ length: count }, (_, n) => `42["n",${n}]`);
const numbers = (frames: readonly (string | Buffer)[]) =>
  frames.map(String).filter((text) => text.startsWith('42["n"'));

describe('with the installed packages, the fan-out', () => {
  it('is used: the messages of a tick are one write, and nothing is logged', async () => {
    const { helper, logger, url } = await start();
    const client = await enter(url);
    const writes = writesOf(helper, client.sid);
    for (const burst of [0, 1]) {
      const before = writes.count;
      for (let n = burst * 50; n < burst * 50 + 50; n++) helper.send({ payload: { topic: 'n', data: n } });
      await eventually(() => expect(numbers(client.frames.all)).toEqual(named(burst * 50 + 50)));
      expect(writes.count - before).toBe(1);
    }
    expect(logger.lines.filter((line) => /^(warn|error)/.test(line))).toEqual([]);
  });

  it('is used for clients that upgraded from polling to WebSocket', async () => {
    const { helper, url } = await start();
    const client = createHelper(url, {
      credentials: () => ({}),
      options: { path: '/socket.io/', transports: ['polling', 'websocket'] },
    });
    await client.helper.waitFor('authenticated');
    const socket = client.helper.getSocketClient();
    const heard: number[] = [];
    socket.on('n', (n: number) => heard.push(n));
    await eventually(() => socket.io.engine.transport.name === 'websocket');
    const id = socket.id ?? '';
    await eventually(() => helper.getClients({ id })?.socket.conn.transport.name === 'websocket');
    const writes = writesOf(helper, id);
    for (let n = 0; n < 50; n++) helper.send({ payload: { topic: 'n', data: n } });
    await eventually(() => expect(heard).toHaveLength(50));
    // The first message on an idle connection is sent at once.
    expect(writes.count).toBeLessThanOrEqual(2);
  });

  it('is not used if the option is false', async () => {
    const { helper, url } = await start({ fanout: false });
    const client = await enter(url);
    const writes = writesOf(helper, client.sid);
    for (let n = 0; n < 50; n++) helper.send({ payload: { topic: 'n', data: n } });
    await eventually(() => expect(numbers(client.frames.all)).toEqual(named(50)));
    expect(writes.count).toBeGreaterThan(49);
  });

  it('skips a connection with a packet listener of the program, which receives each packet', async () => {
    const { helper, url } = await start();
    const client = await enter(url);
    const told: unknown[] = [];
    helper
      .getClients({ id: client.sid })
      ?.socket.conn.on('packetCreate', ({ data }: { data?: string }) => told.push(data));
    for (let n = 0; n < 3; n++) helper.send({ payload: { topic: 'n', data: n } });
    await eventually(() => expect(numbers(client.frames.all)).toEqual(named(3)));
    expect(told).toEqual(['2["n",0]', '2["n",1]', '2["n",2]']);
  });

  it('does not send again what an adapter encodes and never sends', async () => {
    class Storing extends Adapter {
      override broadcast(packet: object, opts: Parameters<Adapter['broadcast']>[1]): void {
        // Like an adapter that stores each message.
        Reflect.get(this, '_encode').call(this, { ...packet, data: ['n', 'stored'] }, {});
        super.broadcast(packet, opts);
        Reflect.get(this, '_encode').call(this, packet, {});
      }
    }
    const { helper, url } = await start({ serverOptions: { serveClient: false, adapter: Storing as never } });
    const client = await enter(url);
    const writes = writesOf(helper, client.sid);
    for (let n = 0; n < 3; n++) helper.send({ payload: { topic: 'n', data: n } });
    const found = await helper.getIOServer().fetchSockets();
    expect(found.map(({ id }) => id)).toEqual([client.sid]);
    helper.send({ payload: { topic: 'n', data: 3 } });
    await eventually(() => expect(numbers(client.frames.all)).toEqual(named(4)));
    expect(writes.count).toBe(1);
  });

  it('sends what a listener of the program emits during a broadcast', async () => {
    const { helper, url } = await start();
    const [first, second] = [await enter(url), await enter(url)];
    helper.getClients({ id: first.sid })?.socket.onAnyOutgoing((_, n: number) => {
      if (n < 3) helper.send({ payload: { topic: 'n', data: n + 1 } });
    });
    helper.send({ payload: { topic: 'n', data: 0 } });
    await eventually(() => expect(numbers(first.frames.all)).toHaveLength(4));
    await eventually(() => expect(numbers(second.frames.all)).toHaveLength(4));
    expect(new Set(numbers(second.frames.all))).toEqual(new Set(named(4)));
  });

  it('recognizes the adapter, and does not affect other ways of broadcasting', () => {
    const namespace = () => ({ name: '/', server: { encoder: {} }, sockets: new Map() }) as never;
    expect(broadcastsAsKnown(new Adapter(namespace()))).toBe(true);
    class Otherwise extends Adapter {
      override broadcast(): void {}
    }
    // The owner of this method shows the class that an adapter is derived from.
    Object.assign(Otherwise.prototype, { computeExceptSids: () => new Set() });
    expect(broadcastsAsKnown(new Otherwise(namespace()))).toBe(false);
  });
});

describe('if a package has moved a private member', () => {
  const MOVED: Readonly<Record<string, (engine: Record<string, unknown>) => void>> = {
    'engine.createTransport()': (engine) => {
      engine.createTransport = () => {
        throw new Error('moved');
      };
    },
    'discard() of a transport': (engine) => {
      const plain = engine.createTransport as (...args: unknown[]) => object;
      engine.createTransport = (...args: unknown[]) => Object.assign(plain.apply(engine, args), { discard: undefined });
    },
    'the class of all transports': (engine) => {
      const plain = engine.createTransport as (...args: unknown[]) => object;
      engine.createTransport = (...args: unknown[]) => Object.create(plain.apply(engine, args));
    },
  };

  it.each(Object.keys(MOVED))('such as %s, the report names it once', async (what) => {
    const { NodeFanout } = await import('../../src/fanout/node-fanout.js');
    const reports: unknown[] = [];
    const fanout = new NodeFanout({
      ...{ coalesce: true, mostBytes: 1, tooSlow: () => {} },
      report: (report) => reports.push(report),
    });
    const { NodeEngine } = await import('../../src/socketio/node-engine.js');
    const { Server } = await import('socket.io');
    const io = new Server(createServer());
    track({ stop: () => io.close() });
    MOVED[what]?.(io.engine as unknown as Record<string, unknown>);
    fanout.attach(new NodeEngine(io.engine));
    expect(reports).toEqual([{ type: 'fanout_fallback', missing: expect.stringContaining(what) }]);
    expect(fanout.prepare(['2["a"]'], {})).toBeUndefined();
    fanout.close();
  });
});
