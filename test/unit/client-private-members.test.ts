// npm test: node
// npm run test:matrix: newest-node
import { createServer } from 'node:http';
import { Server } from 'socket.io';
import { Manager, NodeWebSocket } from 'socket.io-client';
import { describe, expect, it } from 'vitest';
import { BackOff } from '../../src/client/back-off.js';
import { SharedManager } from '../../src/client/manager.js';
import {
  boundedWebSocket,
  checkEnginePackets,
  cut,
  emitNow,
  forgetNextAnswer,
  hasUnsent,
  installBackOff,
  isOpen,
  isOpenOrOpening,
  limitClosing,
} from '../../src/client/socket-io.js';
import { defer } from '../support/cleanup.js';
import { eventually } from '../support/facts.js';

const backOff = new BackOff({ min: 1, max: 1, jitter: undefined });

async function connected(): Promise<{ manager: SharedManager; url: string }> {
  const http = createServer();
  const io = new Server(http);
  defer(() => io.close());
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  const { port } = http.address() as { port: number };
  const url = `http://127.0.0.1:${port}`;
  const manager = new SharedManager(url, { path: '/socket.io', transports: ['websocket'] }, true);
  const socket = manager.socket('/');
  defer(() => socket.disconnect());
  await eventually(() => expect(socket.connected).toBe(true));
  return { manager, url };
}

/**
 * Private members that an update of socket.io-client or engine.io-client may change. Each use has a fallback; these
 * tests fail if it is in use. client-hostile.test.ts tests that packets are inspected before they are handled.
 */
describe('the private members of socket.io-client in use exist:', () => {
  it('the state, transport and buffer of an engine', async () => {
    const { manager } = await connected();
    expect(manager.engine).toMatchObject({
      readyState: 'open',
      writeBuffer: [],
      transport: { writable: true, close: expect.any(Function) },
    });
    manager.engine.write('unsent');
    expect(hasUnsent(manager)).toBe(true);
    manager.engine.close();
    expect(manager.engine.readyState).toBe('closing');
    expect(isOpen(manager)).toBe(false);
  });

  it('the buffer of a socket, from which an event is removed', async () => {
    const { manager } = await connected();
    const socket = manager.socket('/');
    expect(emitNow(manager, socket, () => socket.emit('sent'))).toBe(true);
    // Like after sleep: the transport is not writable, and no code has noticed yet.
    manager.engine.transport.writable = false;
    Object.assign(manager.engine, { _hasPingExpired: () => true });
    expect(emitNow(manager, socket, () => socket.emit('kept'))).toBe(false);
    expect(socket.sendBuffer).toEqual([]);
  });

  it('the acknowledgements of a socket, of which one is forgotten', async () => {
    const { manager } = await connected();
    const socket = manager.socket('/');
    const answers: unknown[] = [];
    socket.emit('first', (answer: unknown) => answers.push(answer));
    const forget = forgetNextAnswer(socket);
    socket.timeout(60_000).emit('second', (error: unknown) => answers.push(error));
    expect(Object.keys((socket as unknown as { acks: object }).acks)).toEqual(['0', '1']);
    forget();
    forget();
    expect(Object.keys((socket as unknown as { acks: object }).acks)).toEqual(['0']);
    expect(answers).toEqual([expect.any(Error)]);
  });

  it('the back-off of a Manager', async () => {
    const { manager } = await connected();
    expect(manager).toHaveProperty('backoff', manager.backOff);
  });

  it('the method of a WebSocket transport that creates its socket', async () => {
    const { manager, url } = await connected();
    const given: unknown[] = [];
    class Base extends NodeWebSocket {
      override createSocket(...args: Parameters<NodeWebSocket['createSocket']>): unknown {
        given.push(args[2]);
        return super.createSocket(...args);
      }
    }
    const bounded = boundedWebSocket(Base);
    manager.engine.close();
    const other = new Manager(url, { transports: bounded ? [bounded] : [], autoConnect: true });
    defer(() => other._close());
    await eventually(() => expect(isOpen(other)).toBe(true));
    expect(given).toEqual([expect.objectContaining({ closeTimeout: 5_000 })]);
  });
});

describe('if a private member has moved, socket.io-client works without it:', () => {
  it('the Manager reports whether it is open', () => {
    const moved = { engine: {}, _readyState: 'opening' } as unknown as Manager;
    expect([isOpen(moved), isOpenOrOpening(moved), hasUnsent(moved)]).toEqual([false, true, false]);
    expect(() => limitClosing(moved)).not.toThrow();
  });

  it('an engine without a transport that closes is closed itself', () => {
    const calls: string[] = [];
    cut({ close: () => calls.push('engine') });
    cut({ transport: {}, close: () => calls.push('engine') });
    cut({ transport: { close: () => calls.push('transport') }, close: () => calls.push('engine') });
    cut(undefined);
    expect(calls).toEqual(['engine', 'engine', 'transport']);
  });

  it('a socket without a buffer keeps its events', () => {
    const moved = { _readyState: 'open' } as unknown as Manager;
    const emitted: string[] = [];
    const socket = { connected: true } as never;
    expect(emitNow(moved, socket, () => emitted.push('event'))).toBe(true);
    expect(emitted).toEqual(['event']);
    expect(() => forgetNextAnswer(socket)()).not.toThrow();
  });

  it('a back-off of another form stays unchanged', () => {
    const moved = { backoff: { attempts: 0, duration: () => 1 } };
    const { backoff } = moved;
    installBackOff(moved as unknown as Manager, backOff);
    expect(moved.backoff).toBe(backoff);
    const without = {};
    installBackOff(without as Manager, backOff);
    expect(without).toEqual({});
  });

  it('packets of an engine without a transport are checked as if nothing waited', () => {
    const listeners: ((packet: { type: string }) => void)[] = [];
    const engine = { on: (_: string, listener: (packet: { type: string }) => void) => listeners.push(listener) };
    checkEnginePackets({ engine } as unknown as Manager);
    const packet = { type: 'ping' };
    for (const listener of [...listeners, ...listeners]) listener(packet);
    expect(packet.type).toBe('ping');
  });
});
