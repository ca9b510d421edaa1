// npm test: node
// npm run test:matrix: newest-node
import { describe, expect, it, vi } from 'vitest';
import type { BunWebSocket } from '../../src/socketio/bun-engine.js';
import { Wire } from '../../src/socketio/bun-wire.js';
import { defer } from '../support/cleanup.js';
import { eventually } from '../support/facts.js';

const [OPEN, CLOSING, CLOSED] = [1, 2, 3];

/** A WebSocket as Bun has it, whose buffer the test fills and drains. */
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

function make(lastWordsMs = 60_000): { wire: Wire; webSocket: FakeWebSocket; dropped: number[] } {
  const webSocket = new FakeWebSocket();
  const dropped: number[] = [];
  const wire = new Wire(webSocket, { lastWordsMs, dropped: (bytes) => dropped.push(bytes), hearsPongs: () => true });
  return { wire, webSocket, dropped };
}

class PingingWebSocket extends FakeWebSocket {
  ping(): number {
    return this.did.push('ping');
  }
}

function makePinging(hearsPongs = true): { wire: Wire; webSocket: FakeWebSocket } {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'setTimeout', 'clearTimeout'] });
  defer(() => vi.useRealTimers());
  const webSocket = new PingingWebSocket();
  const wire = new Wire(webSocket, { lastWordsMs: 5_000, dropped: () => {}, hearsPongs: () => hearsPongs });
  return { wire, webSocket };
}

describe('a wire', () => {
  it('sends nothing behind a message that was dropped, says so once, and is cut', async () => {
    const { wire, webSocket, dropped } = make();
    wire.send('one');
    webSocket.drops = true;
    webSocket.waiting = 16;
    expect(wire.send('two')).toBe(0);
    // Bun might take the next one.
    webSocket.drops = false;
    expect(wire.send('three')).toBe(0);
    expect(wire.readyState).toBe(CLOSING);
    // Not in the middle of a broadcast.
    expect(webSocket.did).toEqual(['send 3']);
    await eventually(() => expect(webSocket.did).toEqual(['send 3', 'terminate']));
    expect(dropped).toEqual([16]);
  });

  it('takes an empty message, of which no byte goes out, for none that was dropped', () => {
    const { wire, dropped } = make();
    wire.send('');
    wire.send(new Uint8Array(0));
    wire.send('more');
    expect([wire.readyState, dropped]).toEqual([OPEN, []]);
  });

  it('closes at once where nothing waits, and once', () => {
    const { wire, webSocket } = make();
    wire.close(1000);
    wire.close(1001);
    expect(webSocket.did).toEqual(['close 1000']);
  });

  it('closes once its peer has read what waits, and sends no more meanwhile', async () => {
    const { wire, webSocket } = make();
    webSocket.waiting = 5;
    wire.close(1000);
    wire.send('late');
    expect(webSocket.did).toEqual([]);
    webSocket.waiting = 0;
    await eventually(() => expect(webSocket.did).toEqual(['close 1000']));
  });

  it('is cut where its peer reads nothing', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'setTimeout', 'clearTimeout'] });
    defer(() => vi.useRealTimers());
    const { wire, webSocket } = make(5_000);
    webSocket.waiting = 5;
    wire.close();
    vi.advanceTimersByTime(4_900);
    expect(webSocket.did).toEqual([]);
    vi.advanceTimersByTime(200);
    expect(webSocket.did).toEqual(['terminate']);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('pings its peer, and closes when the pong comes', () => {
    const { wire, webSocket } = makePinging();
    wire.ponged();
    wire.close(1000);
    expect(webSocket.did).toEqual(['ping']);
    wire.ponged();
    wire.ponged();
    expect(webSocket.did).toEqual(['ping', 'close 1000']);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('is cut where no pong comes', () => {
    const { wire, webSocket } = makePinging();
    wire.close(1000);
    vi.advanceTimersByTime(4_900);
    expect(webSocket.did).toEqual(['ping']);
    vi.advanceTimersByTime(200);
    expect(webSocket.did).toEqual(['ping', 'terminate']);
    wire.ponged();
    expect(webSocket.did).toEqual(['ping', 'terminate']);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('closes at once where pongs are not heard', () => {
    const { wire, webSocket } = makePinging(false);
    wire.close(1000);
    expect(webSocket.did).toEqual(['close 1000']);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('waits no longer for a peer that is gone', () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'setTimeout', 'clearTimeout'] });
    defer(() => vi.useRealTimers());
    const { wire, webSocket } = make();
    webSocket.waiting = 5;
    wire.close();
    webSocket.terminate();
    wire.gone();
    expect(vi.getTimerCount()).toBe(0);
  });
});
