// npm test: node
// npm run test:matrix: newest-node
import { createServer } from 'node:http';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Socket } from 'socket.io';
import { describe, expect, it, onTestFinished } from 'vitest';
import { ClientError } from '../../src/handlers/client-error.js';
import { SocketIOComponent } from '../../src/server/component.js';
import type { Report } from '../../src/server/reports.js';
import { EventLog, eventually } from '../support/facts.js';
import { connectAuthenticated, listen, startServer, type TestClient } from '../support/server.js';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

const ask = (client: TestClient, topic: string, ...args: unknown[]) =>
  client.socket.timeout(5_000).emitWithAck(topic, ...args);
const INTERNAL = { 'roomgate:error': { code: 'internal', message: 'Something went wrong on the server.' } };

describe('handle() of a component', () => {
  function makeComponent() {
    const component = new SocketIOComponent({ authenticateFn: () => true, logger: false });
    onTestFinished(() => component.stop());
    return component;
  }

  it('works before start(), after a start that failed, and after start()', async () => {
    const component = makeComponent();
    const remove = component.handle({ topic: 'before', handler: () => 'before' });
    await expect(component.start({} as never)).rejects.toThrow('SocketIOComponent');
    component.handle({ topic: 'between', handler: () => 'between' });
    const { http, url } = await listen(createServer());
    await component.start(http);
    component.handle({ topic: 'after', handler: () => 'after' });
    expect(() => component.helper.handle({ topic: 'after', handler: () => 1 })).toThrow('has a handler already');
    const client = await connectAuthenticated(url, { path: '/io' });
    for (const topic of ['before', 'between', 'after']) expect(await ask(client, topic)).toBe(topic);
    remove();
    remove();
    await expect(client.socket.timeout(100).emitWithAck('before')).rejects.toThrow('timed out');
  });
});

describe('a ClientError of another copy of the package', () => {
  it('is recognized by its symbol', async () => {
    const { helper, url } = await startServer();
    const foreign = Object.assign(new Error('Away.'), { code: 'away', [Symbol.for('roomgate.ClientError')]: true });
    helper.handle({
      topic: 'away',
      handler: () => {
        throw foreign;
      },
    });
    const client = await connectAuthenticated(url);
    expect(await ask(client, 'away')).toEqual({ 'roomgate:error': { code: 'away', message: 'Away.' } });
    expect(new ClientError('a', 'b')).toBeInstanceOf(Error);
  });
});

describe('a client that ends while its handler runs', () => {
  it('gets no answer, and the signal of its handler aborts: its access was revoked', async () => {
    const aborted = new EventLog<unknown>();
    const reports: Report[] = [];
    const { helper, url } = await startServer({
      authenticateFn: () => ({ user: 'ann' }),
      onReport: (report) => void reports.push(report),
    });
    helper.handle({
      topic: 'wait',
      handler: ({ signal }) =>
        new Promise((_, reject) => {
          signal.addEventListener('abort', () => {
            aborted.push(signal.reason.code);
            reject(signal.reason);
          });
          void helper.revoke({ user: 'ann' });
        }),
    });
    const client = await connectAuthenticated(url);
    let answered = false;
    client.socket.emit('wait', () => {
      answered = true;
    });
    expect(await aborted.next()).toBe('disconnected');
    await client.heardOf('disconnect');
    expect(answered).toBe(false);
    expect(reports.filter(({ type }) => type === 'handler_failed')).toEqual([]);
  });
});

describe('a handler that never settles', () => {
  it('does not keep its payload in memory', async () => {
    const payloads: WeakRef<object>[] = [];
    const kept: unknown[] = [];
    const { helper, url } = await startServer({ handlerTimeout: 100 });
    helper.handle({
      topic: 'hang',
      handler: ({ data }) => {
        payloads.push(new WeakRef(data));
        return new Promise((resolve) => kept.push(resolve));
      },
    });
    const client = await connectAuthenticated(url);
    expect(await ask(client, 'hang', { text: 'large' })).toMatchObject({ 'roomgate:error': { code: 'timed_out' } });
    await eventually(() => {
      collect();
      return payloads[0]?.deref() === undefined;
    });
    expect(kept).toHaveLength(1);
  });
});

describe('a client that has left', () => {
  it('has none of its events handled that waited for a running handler', async () => {
    const handled: unknown[] = [];
    let settle = (): void => {};
    const { helper, url } = await startServer({ limits: { requestsInFlight: 1 } });
    helper.handle({
      topic: 'wait',
      handler: ({ data }) => {
        handled.push(data);
        return new Promise<void>((resolve) => {
          settle = resolve;
        });
      },
    });
    const client = await connectAuthenticated(url);
    for (const data of [1, 2]) client.socket.emit('wait', data);
    await client.socket.emitWithAck('leave', { rooms: [] });
    client.socket.disconnect();
    await eventually(() => helper.getClients().size === 0);
    settle();
    await nextTurn();
    expect(handled).toEqual([1]);
  });

  it('does not reach its handler if it left while its data was validated', async () => {
    let isReached = false;
    const validated = new EventLog<(result: object) => void>();
    const validate = () => new Promise((resolve) => validated.push(resolve));
    const { helper, url } = await startServer();
    helper.handle({
      topic: 'say',
      input: { '~standard': { version: 1, vendor: 'x', validate } } as never,
      handler: () => {
        isReached = true;
      },
    });
    const client = await connectAuthenticated(url);
    client.socket.emit('say', 1);
    const finish = await validated.next();
    client.socket.disconnect();
    await eventually(() => helper.getClients().size === 0);
    finish({ value: 1 });
    await nextTurn();
    expect(isReached).toBe(false);
  });
});

describe('middleware that fails', () => {
  it('is answered with "internal" if the event has a handler', async () => {
    let reached = false;
    const { helper, url } = await startServer({
      clientConnectedFn: ({ socket }) => {
        socket.use(() => {
          throw new Error('broken');
        });
      },
    });
    helper.handle({
      topic: 'say',
      handler: () => {
        reached = true;
      },
    });
    const client = await connectAuthenticated(url);
    expect(await ask(client, 'say')).toEqual(INTERNAL);
    expect(reached).toBe(false);
  });
});

describe('with a changed Socket.IO', () => {
  it('handlers are called by listeners of each socket, and that is reported once', async () => {
    const prototype = Socket.prototype as unknown as Record<string, unknown>;
    const { _onpacket: receive, onevent } = prototype;
    // As if a later version had renamed a method.
    prototype.onEventPacket = onevent;
    prototype._onpacket = function (this: Record<string, (packet: unknown) => void>, packet: { type: number }) {
      if (packet.type === 2) this.onEventPacket?.(packet);
      else (receive as (packet: unknown) => void).call(this, packet);
    };
    const dispatch = prototype.dispatch;
    prototype.dispatchEvent = dispatch;
    prototype.onEventPacket = function (this: Socket, packet: { data: unknown[]; id?: number }) {
      const inside = this as unknown as { ack(id: number): unknown; dispatchEvent(event: unknown[]): void };
      for (const listener of this.listenersAny()) listener.apply(this, packet.data);
      if (packet.id !== undefined) packet.data.push(inside.ack(packet.id));
      inside.dispatchEvent(packet.data);
    };
    onTestFinished(() => void Object.assign(prototype, { _onpacket: receive }));
    const reports: Report[] = [];
    const { helper, url } = await startServer({ onReport: (report) => void reports.push(report) });
    helper.handle({ topic: 'before', handler: () => 'before' });
    const client = await connectAuthenticated(url);
    helper.handle({
      topic: 'fails',
      handler: () => {
        throw new Error('broken');
      },
    });
    expect(await ask(client, 'before')).toBe('before');
    expect(await ask(client, 'fails')).toEqual(INTERNAL);
    expect(reports.filter(({ type }) => type === 'containment_fallback')).toHaveLength(1);
  });
});
