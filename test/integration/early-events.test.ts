// npm test: node
// npm run test:matrix: newest-node
import { describe, expect, it } from 'vitest';
import type { IOSocket } from '../../src/ports/socket.js';
import { called, createHelper } from '../support/client.js';
import { EventLog, eventually } from '../support/facts.js';
import { connect, connectAuthenticated, startServer, type TestClient, TRANSPORTS } from '../support/server.js';

interface Greeting {
  readonly socket: IOSocket;
  /** Lets `clientConnectedFn` continue and end. */
  finish(): void;
}

/** A server whose `clientConnectedFn` ends on command; `register` runs then. */
async function startSlow(register: (socket: IOSocket, heard: EventLog<unknown>) => void, options = {}) {
  const greetings = new EventLog<Greeting>();
  const heard = new EventLog<unknown>();
  const started = await startServer({
    clientConnectedFn: async ({ socket }) => {
      await new Promise<void>((resolve) => greetings.push({ socket, finish: resolve }));
      register(socket, heard);
    },
    ...options,
  });
  return { ...started, greetings, heard };
}

const listen = (socket: IOSocket, heard: EventLog<unknown>): void => {
  socket.on('say', (text) => heard.push(text));
};

/**
 * Resolves once the server has received everything sent before: this event is never held, and its answer comes last.
 */
async function arrived(client: TestClient, socket: IOSocket): Promise<void> {
  client.socket.once('mark', (acknowledge) => acknowledge());
  await socket.timeout(10_000).emitWithAck('mark');
}

describe('events that arrive before the handlers of an async clientConnectedFn', () => {
  it.each(TRANSPORTS.map((transports) => ({ transports })))(
    'wait for them, in order and once, over $transports',
    async ({ transports }) => {
      const { url, greetings, heard } = await startSlow(listen);
      const client = await connectAuthenticated(url, { transports: [...transports] });
      for (let n = 0; n < 50; n++) client.socket.emit('say', n);
      const answer = client.socket.timeout(10_000).emitWithAck('join', { rooms: ['open-1'] });
      const greeting = await greetings.next();
      await eventually(() => client.socket.io.engine.writeBuffer.length === 0);
      expect(heard.all).toEqual([]);
      greeting.finish();
      expect(await answer).toEqual({ joined: ['open-1'], refused: [] });
      expect(heard.all).toEqual(Array.from({ length: 50 }, (_, n) => n));
    },
  );

  it('are acknowledged', async () => {
    const { url, greetings } = await startSlow((socket) => {
      socket.on('ask', (acknowledge) => acknowledge('yes'));
    });
    const client = await connectAuthenticated(url);
    const answer = client.socket.timeout(10_000).emitWithAck('ask');
    const greeting = await greetings.next();
    await arrived(client, greeting.socket);
    greeting.finish();
    expect(await answer).toBe('yes');
  });

  it('are not held if a handler exists already, and acknowledgements never are', async () => {
    const heard = new EventLog<unknown>();
    const { url } = await startServer({
      clientConnectedFn: async ({ socket }) => {
        socket.on('early', (text) => heard.push(text));
        heard.push(await socket.timeout(10_000).emitWithAck('question'));
        await new Promise(() => {});
      },
    });
    const client = connect(url, { auth: { token: 'good' } });
    client.socket.on('question', (acknowledge) => acknowledge('answered'));
    await client.heardOf('connect');
    client.socket.emit('authenticate');
    await client.heardOf('authenticated');
    client.socket.emit('early', 'at once');
    expect([await heard.next(), await heard.next()].sort()).toEqual(['answered', 'at once']);
  });

  it('wait behind a held event, to preserve the order', async () => {
    const { url, greetings, heard } = await startSlow((socket, log) => {
      socket.on('late', (text) => log.push(text));
    });
    const client = await connectAuthenticated(url);
    const greeting = await greetings.next();
    greeting.socket.on('early', (text) => heard.push(text));
    client.socket.emit('late', 1);
    client.socket.emit('early', 2);
    await arrived(client, greeting.socket);
    greeting.finish();
    expect([await heard.next(), await heard.next()]).toEqual([1, 2]);
  });

  it('are delivered with onFailure.connected "keep" even if it rejects', async () => {
    const fail = (socket: IOSocket, events: EventLog<unknown>): void => {
      listen(socket, events);
      throw new Error('on purpose');
    };
    const { url, log, greetings, heard } = await startSlow(fail, { onFailure: { connected: 'keep' } });
    const client = await connectAuthenticated(url);
    client.socket.emit('say', 'still');
    const greeting = await greetings.next();
    await arrived(client, greeting.socket);
    greeting.finish();
    expect(await heard.next()).toBe('still');
    expect(log.loud.join('\n')).toContain('on purpose');
  });

  it('are dropped if it rejects, and their client receives the number of handled events', async () => {
    const fail = (socket: IOSocket, events: EventLog<unknown>): void => {
      listen(socket, events);
      throw new Error('on purpose');
    };
    const { url, greetings, heard } = await startSlow(fail);
    const client = await connectAuthenticated(url);
    const greeting = await greetings.next();
    await client.socket.timeout(10_000).emitWithAck('join', { rooms: ['open-1'] });
    client.socket.emit('say', 'in vain');
    await arrived(client, greeting.socket);
    greeting.finish();
    expect(await client.heardOf('unauthenticated')).toMatchObject({ code: 'unavailable', after: 1_000, handled: 1 });
    expect(await client.heardOf('disconnect')).toMatch(/^transport (close|error)$/);
    expect(heard.all).toEqual([]);
  });

  it('count as handled once they were held too long', async () => {
    const { url, log, greetings } = await startSlow(
      () => {
        throw new Error('on purpose');
      },
      { authenticateTimeout: 3_000 },
    );
    const client = await connectAuthenticated(url);
    const greeting = await greetings.next();
    for (let n = 0; n < 3; n++) client.socket.emit('say', n);
    await eventually(() => log.loud.some((line) => line.includes('has not settled')), { timeout: 15_000 });
    client.socket.emit('say', 3);
    await arrived(client, greeting.socket);
    greeting.finish();
    expect(await client.heardOf('unauthenticated')).toMatchObject({ code: 'unavailable', handled: 4 });
  });

  it('are held no longer than authenticateTimeout, which is reported', async () => {
    const heard = new EventLog<unknown>();
    const { url, log } = await startServer({
      authenticateTimeout: 3_000,
      clientConnectedFn: async ({ socket }) => {
        await Promise.resolve();
        socket.onAny((event) => heard.push(event));
        await new Promise(() => {});
      },
    });
    const client = await connectAuthenticated(url);
    client.socket.emit('nobody', 'listens');
    expect(await heard.next(undefined, { timeout: 15_000 })).toBe('nobody');
    expect(log.loud.join('\n')).toMatch(
      /clientConnectedFn for client \S+ has not settled within 3000 ms; 1 held events/,
    );
  });

  it.each([
    ['events', { heldEvents: 3 }, 4, 'x'],
    ['bytes', { heldBytes: 1_000 }, 2, 'x'.repeat(600)],
  ])(
    'close the connection past the limit of %s; the client receives the time to wait',
    async (_, limits, count, text) => {
      const { helper, url, greetings, heard, log } = await startSlow(listen, { limits });
      const client = await connectAuthenticated(url);
      const greeting = await greetings.next();
      for (let n = 0; n < count; n++) client.socket.emit('say', text);
      expect(await client.heardOf('roomgate:limited')).toEqual({ after: 1_000 });
      // Not Socket.IO's disconnect packet, after which a client does not reconnect.
      expect(await client.heardOf('disconnect')).toMatch(/^transport (close|error)$/);
      greeting.finish();
      await eventually(() => helper.getClients().size === 0);
      expect(heard.all).toEqual([]);
      expect(log.lines.join('\n')).toContain('held_events');
    },
  );

  it('are all delivered at the limit', async () => {
    const { url, greetings, heard } = await startSlow(listen, { limits: { heldEvents: 3 } });
    const client = await connectAuthenticated(url);
    for (let n = 0; n < 3; n++) client.socket.emit('say', n);
    const greeting = await greetings.next();
    await arrived(client, greeting.socket);
    greeting.finish();
    expect([await heard.next(), await heard.next(), await heard.next()]).toEqual([0, 1, 2]);
  });

  it('are dropped with their client', async () => {
    const { helper, url, greetings, heard } = await startSlow(listen);
    const client = await connectAuthenticated(url);
    client.socket.emit('say', 'too late');
    const greeting = await greetings.next();
    await arrived(client, greeting.socket);
    client.socket.disconnect();
    await eventually(() => helper.getClients().size === 0);
    const other = createHelper(url, {
      autoAuthenticate: true,
      options: { path: '/socket.io', auth: { token: 'good' } },
    });
    await called(other, 'onAuthenticated');
    other.helper.emit({ topic: 'say', data: 'mine' });
    greeting.finish();
    (await greetings.next()).finish();
    expect(await heard.next()).toBe('mine');
    expect(heard.all).toEqual(['mine']);
  });
});
