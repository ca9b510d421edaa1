// npm test: node
// npm run test:matrix: newest-node
import { describe, expect, it, vi } from 'vitest';

import { GuardedBunSocket } from '../../src/socketio/bun-socket.js';
import type { BunWebSocket } from '../../src/socketio/bun-types.js';
import { defer } from '../support/cleanup.js';
import { eventually } from '../support/facts.js';

const [OPEN, CLOSING, CLOSED] = [1, 2, 3];

/** A WebSocket like Bun's; the test fills and drains its buffer. */
class FakeWebSocket implements BunWebSocket {
  readonly data = {};
  readonly did: string[] = [];
  readyState = OPEN;
  waiting = 0;
  drops = false;

  send(data: string | ArrayBufferView | ArrayBuffer): number {
    const size = typeof data === 'string' ? data.length : data.byteLength;
    if (this.drops || size === 0) return 0;
    this.did.push(`send ${size}`);
    return size;
  }

  close(code?: number): void {
    this.did.push(`close ${code}`);
    this.readyState = CLOSED;
  }

  terminate(): void {
    this.did.push('terminate');
    this.readyState = CLOSED;
  }

  getBufferedAmount(): number {
    return this.waiting;
  }
}

function make(closeTimeoutMs = 60_000): { socket: GuardedBunSocket; webSocket: FakeWebSocket; dropped: number[] } {
  const webSocket = new FakeWebSocket();
  const dropped: number[] = [];
  const socket = new GuardedBunSocket(webSocket, {
    closeTimeoutMs,
    dropped: (bytes) => dropped.push(bytes),
    hearsPongs: () => true,
  });
  return { socket, webSocket, dropped };
}

class PingingWebSocket extends FakeWebSocket {
  ping(): number {
    return this.did.push('ping');
  }
}

function makePinging(hearsPongs = true): { socket: GuardedBunSocket; webSocket: FakeWebSocket } {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'setTimeout', 'clearTimeout'] });
  defer(() => vi.useRealTimers());
  const webSocket = new PingingWebSocket();
  const socket = new GuardedBunSocket(webSocket, {
    closeTimeoutMs: 5_000,
    dropped: () => {},
    hearsPongs: () => hearsPongs,
  });
  return { socket, webSocket };
}

describe('a guarded socket', () => {
  it('sends nothing after a dropped message, reports it once, and is cut', async () => {
    const { socket, webSocket, dropped } = make();
    socket.send('one');
    webSocket.drops = true;
    webSocket.waiting = 16;
    expect(socket.send('two')).toBe(0);
    // Bun might accept the next one.
    webSocket.drops = false;
    expect(socket.send('three')).toBe(0);
    expect(socket.readyState).toBe(CLOSING);
    // The socket is not terminated during a broadcast.
    expect(webSocket.did).toEqual(['send 3']);
    await eventually(() => expect(webSocket.did).toEqual(['send 3', 'terminate']));
    expect(dropped).toEqual([16]);
  });

  it('does not count an empty message, which sends no byte, as dropped', () => {
    const { socket, dropped } = make();
    socket.send('');
    socket.send(new Uint8Array(0));
    socket.send('more');
    expect([socket.readyState, dropped]).toEqual([OPEN, []]);
  });

  it('closes at once if nothing waits, and only once', () => {
    const { socket, webSocket } = make();
    socket.close(1000);
    socket.close(1001);
    expect(webSocket.did).toEqual(['close 1000']);
  });

  it('closes after its peer has read the waiting bytes, and sends no more meanwhile', async () => {
    const { socket, webSocket } = make();
    webSocket.waiting = 5;
    socket.close(1000);
    socket.send('late');
    expect(webSocket.did).toEqual([]);
    webSocket.waiting = 0;
    await eventually(() => expect(webSocket.did).toEqual(['close 1000']));
  });

  it('is cut if its peer reads nothing', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'setTimeout', 'clearTimeout'] });
    defer(() => vi.useRealTimers());
    const { socket, webSocket } = make(5_000);
    webSocket.waiting = 5;
    socket.close();
    vi.advanceTimersByTime(4_900);
    expect(webSocket.did).toEqual([]);
    vi.advanceTimersByTime(200);
    expect(webSocket.did).toEqual(['terminate']);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('pings its peer, and closes when the pong arrives', () => {
    const { socket, webSocket } = makePinging();
    socket.ponged();
    socket.close(1000);
    expect(webSocket.did).toEqual(['ping']);
    socket.ponged();
    socket.ponged();
    expect(webSocket.did).toEqual(['ping', 'close 1000']);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('is cut if no pong arrives', () => {
    const { socket, webSocket } = makePinging();
    socket.close(1000);
    vi.advanceTimersByTime(4_900);
    expect(webSocket.did).toEqual(['ping']);
    vi.advanceTimersByTime(200);
    expect(webSocket.did).toEqual(['ping', 'terminate']);
    socket.ponged();
    expect(webSocket.did).toEqual(['ping', 'terminate']);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('closes at once if pongs cannot be received', () => {
    const { socket, webSocket } = makePinging(false);
    socket.close(1000);
    expect(webSocket.did).toEqual(['close 1000']);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('stops waiting for a peer that is gone', () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'setTimeout', 'clearTimeout'] });
    defer(() => vi.useRealTimers());
    const { socket, webSocket } = make();
    webSocket.waiting = 5;
    socket.close();
    webSocket.terminate();
    socket.gone();
    expect(vi.getTimerCount()).toBe(0);
  });
});
