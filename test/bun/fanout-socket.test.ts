// npm test: bun
// npm run test:matrix: oldest-bun
import { describe, expect, it, vi } from 'vitest';

import { sendAll } from '../../src/socketio/bun-send.js';
import { GuardedBunSocket } from '../../src/socketio/bun-socket.js';
import type { BunSocket, BunWebSocket } from '../../src/socketio/bun-types.js';
import { defer } from '../support/cleanup.js';

const [OPEN, CLOSED] = [1, 3];

/** A WebSocket like Bun's; the test fills and drains its buffer. */
class FakeWebSocket implements BunWebSocket, BunSocket {
  readonly data = {};
  readonly did: string[] = [];
  readyState = OPEN;
  waiting = 0;
  dropsLongerThan = Number.POSITIVE_INFINITY;

  send(data: string | ArrayBufferView | ArrayBuffer): number {
    return this.#sent('send', typeof data === 'string' ? data.length : data.byteLength);
  }

  sendText(text: string): number {
    return this.#sent('text', text.length);
  }

  sendBinary(bytes: Uint8Array): number {
    return this.#sent('binary', bytes.length);
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

  #sent(how: string, size: number): number {
    if (size > this.dropsLongerThan || this.readyState !== OPEN) return 0;
    this.did.push(`${how} ${size}`);
    return this.waiting > 0 ? -1 : size;
  }
}

function make(): { socket: GuardedBunSocket; webSocket: FakeWebSocket; dropped: number[] } {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'setTimeout', 'clearTimeout'] });
  defer(() => vi.useRealTimers());
  const webSocket = new FakeWebSocket();
  const dropped: number[] = [];
  const socket = new GuardedBunSocket(webSocket, {
    closeTimeoutMs: 60_000,
    dropped: (bytes) => dropped.push(bytes),
    hearsPongs: () => true,
  });
  return { socket, webSocket, dropped };
}

describe('several messages at once', () => {
  it('are sent in one write; a single one is sent without batching', () => {
    const webSocket = new FakeWebSocket();
    expect(sendAll(webSocket, ['one'])).toBe(true);
    expect(sendAll(webSocket, ['a', new Uint8Array(2)])).toBe(true);
    expect(webSocket.did).toEqual(['text 3', 'cork', 'text 1', 'binary 2', 'uncork']);
  });

  it('stop at one that is dropped; an empty one does not count as dropped', () => {
    const webSocket = new FakeWebSocket();
    webSocket.dropsLongerThan = 2;
    expect(sendAll(webSocket, ['', 'a', 'one', 'b'])).toBe(false);
    expect(webSocket.did).toEqual(['cork', 'text 0', 'text 1', 'uncork']);
    expect(sendAll(webSocket, ['one'])).toBe(false);
    expect(sendAll(webSocket, ['a', 'b'])).toBe(true);
  });

  it('are not counted as lost if the peer is gone', () => {
    const webSocket = new FakeWebSocket();
    webSocket.readyState = CLOSED;
    expect([sendAll(webSocket, ['one']), sendAll(webSocket, ['one', 'two'])]).toEqual([true, true]);
    // Like Bun's WebSocket after a dropped message.
    const dropping = new FakeWebSocket();
    dropping.dropsLongerThan = 0;
    sendAll(dropping, ['one', 'two']);
    webSocket.cork = () => {};
    expect(sendAll(webSocket, ['one', 'two'])).toBe(true);
  });
});

describe('a WebSocket that bypasses the engine', () => {
  it('is closed if a message was dropped, which is reported once', () => {
    const { socket, webSocket, dropped } = make();
    const stop = vi.fn();
    expect(socket.bypass({ stop })).toBe(webSocket);
    webSocket.waiting = 16;
    socket.lost();
    socket.lost();
    expect([dropped, socket.send('behind'), webSocket.did]).toEqual([[16], 0, []]);
    expect(stop).toHaveBeenCalled();
    vi.advanceTimersByTime(1);
    expect(webSocket.readyState).toBe(CLOSED);
  });

  it.each(['close', 'terminate', 'gone'] as const)('is no longer bypassed after %s()', (end) => {
    const { socket } = make();
    const stop = vi.fn();
    socket.bypass({ stop });
    expect(stop).not.toHaveBeenCalled();
    socket[end]();
    expect(stop).toHaveBeenCalled();
  });
});

describe('a peer with waiting bytes', () => {
  it('is reported as drained by `drain`', () => {
    const { socket, webSocket } = make();
    const went: string[] = [];
    webSocket.waiting = 9;
    socket.afterDrain(() => went.push('on'));
    socket.drained();
    expect(went).toEqual([]);
    webSocket.waiting = 0;
    socket.drained();
    socket.drained();
    expect(went).toEqual(['on']);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('is polled by one shared timer without `drain`, which stops with the last peer', () => {
    const { socket, webSocket } = make();
    const other = new FakeWebSocket();
    const otherSocket = new GuardedBunSocket(other, {
      closeTimeoutMs: 60_000,
      dropped: () => {},
      hearsPongs: () => true,
    });
    const went: string[] = [];
    webSocket.waiting = other.waiting = 9;
    socket.afterDrain(() => went.push('one'));
    otherSocket.afterDrain(() => went.push('other'));
    expect(vi.getTimerCount()).toBe(1);
    webSocket.waiting = 0;
    vi.advanceTimersByTime(100);
    expect(went).toEqual(['one']);
    other.waiting = 0;
    vi.advanceTimersByTime(100);
    expect(went).toEqual(['one', 'other']);
    expect(vi.getTimerCount()).toBe(0);
  });

  it.each(['close', 'terminate', 'gone'] as const)('is no longer watched after %s()', (end) => {
    const { socket, webSocket } = make();
    const went: string[] = [];
    webSocket.waiting = 9;
    socket.afterDrain(() => went.push('on'));
    webSocket.waiting = 0;
    socket[end]();
    vi.advanceTimersByTime(100);
    expect(went).toEqual([]);
    expect(vi.getTimerCount()).toBe(0);
  });
});
