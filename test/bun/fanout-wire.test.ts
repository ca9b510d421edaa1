import { describe, expect, it, vi } from 'vitest';
import type { IBunWebSocket } from '../../src/runtime/bun/engine.js';
import { Wire } from '../../src/runtime/bun/wire.js';
import { defer } from '../support/cleanup.js';

const [OPEN, CLOSED] = [1, 3];

/** A WebSocket as Bun has it, whose buffer the test fills and drains. */
class FakeWebSocket implements IBunWebSocket {
  readonly data = {};
  readonly did: string[] = [];
  readyState = OPEN;
  waiting = 0;
  drops = false;

  send(data: string | ArrayBufferView | ArrayBuffer): number {
    const size = typeof data === 'string' ? data.length : data.byteLength;
    if (this.drops || this.readyState !== OPEN) return 0;
    this.did.push(`send ${size}`);
    return this.waiting > 0 ? -1 : size;
  }

  cork(send: () => void): void {
    this.did.push('cork');
    send();
    this.did.push('uncork');
  }

  close(): void {
    this.readyState = CLOSED;
  }

  terminate(): void {
    this.readyState = CLOSED;
  }

  getBufferedAmount(): number {
    return this.waiting;
  }
}

function make(): { wire: Wire; webSocket: FakeWebSocket; dropped: number[] } {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'setTimeout'] });
  defer(() => vi.useRealTimers());
  const webSocket = new FakeWebSocket();
  const dropped: number[] = [];
  const wire = new Wire(webSocket, { lastWordsMs: 60_000, dropped: (bytes) => dropped.push(bytes) });
  return { wire, webSocket, dropped };
}

describe('several messages at once', () => {
  it('go out in one write, and a single one without that', () => {
    const { wire, webSocket } = make();
    expect(wire.sendAll(['one'])).toBe(0);
    expect(wire.sendAll(['a', new Uint8Array(2)])).toBe(0);
    expect(webSocket.did).toEqual(['send 3', 'cork', 'send 1', 'send 2', 'uncork']);
  });

  it('tell what the peer has not taken', () => {
    const { wire, webSocket } = make();
    webSocket.waiting = 7;
    expect([wire.sendAll(['one']), wire.sendAll(['one', 'two'])]).toEqual([7, 7]);
  });

  it('end with one that is dropped, which is said once', () => {
    const { wire, webSocket, dropped } = make();
    webSocket.drops = true;
    webSocket.waiting = 16;
    wire.sendAll(['', 'one', 'two']);
    webSocket.drops = false;
    wire.sendAll(['three', 'four']);
    expect(webSocket.did).toEqual(['cork', 'uncork']);
    expect(dropped).toEqual([16]);
  });

  it('are no loss to a peer that is gone', () => {
    const { wire, webSocket, dropped } = make();
    webSocket.readyState = CLOSED;
    wire.sendAll(['one']);
    wire.sendAll(['one', 'two']);
    expect(dropped).toEqual([]);
  });
});

describe('a peer that is waited for', () => {
  it('is noticed where Bun tells, once it has taken all', () => {
    const { wire, webSocket } = make();
    const went: string[] = [];
    webSocket.waiting = 9;
    wire.afterDrain(() => went.push('on'));
    wire.drained();
    expect(went).toEqual([]);
    webSocket.waiting = 0;
    wire.drained();
    wire.drained();
    expect(went).toEqual(['on']);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('is noticed where nobody tells, by one timer for all, which ends with the last of them', () => {
    const { wire, webSocket } = make();
    const other = new FakeWebSocket();
    const otherWire = new Wire(other, { lastWordsMs: 60_000, dropped: () => {} });
    const went: string[] = [];
    webSocket.waiting = other.waiting = 9;
    wire.afterDrain(() => went.push('one'));
    otherWire.afterDrain(() => went.push('other'));
    expect(vi.getTimerCount()).toBe(1);
    webSocket.waiting = 0;
    vi.advanceTimersByTime(100);
    expect(went).toEqual(['one']);
    other.waiting = 0;
    vi.advanceTimersByTime(100);
    expect(went).toEqual(['one', 'other']);
    expect(vi.getTimerCount()).toBe(0);
  });

  it.each(['close', 'terminate', 'gone'] as const)('is waited for no longer after %s()', (end) => {
    const { wire, webSocket } = make();
    const went: string[] = [];
    webSocket.waiting = 9;
    wire.afterDrain(() => went.push('on'));
    webSocket.waiting = 0;
    wire[end]();
    vi.advanceTimersByTime(100);
    expect(went).toEqual([]);
    expect(vi.getTimerCount()).toBe(0);
  });
});
