import type { IncomingMessage } from 'node:http';
import { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import type { EngineWebSocket } from './engine-types.js';
import { MOST_FRAMES } from './frame-scan.js';
import { GuardedWebSocket, type InputFilter, inflaterOf } from './guarded-web-socket.js';
import { Pacing } from './pacing.js';
import type { GuardOptions } from './ws.js';

/* Tries the private members of `ws` that limit and pace a WebSocket. */

/** Whether the limits of a receiver hold and can be lifted, tried with a WebSocket without a peer. */
export function limitsHold(
  { mostBytes, mostFragments, closeTimeoutMs }: Pick<GuardOptions, 'mostBytes' | 'mostFragments' | 'closeTimeoutMs'>,
  Tried = GuardedWebSocket,
): boolean {
  try {
    const socket = new Duplex({ read() {}, write: (_, __, done) => done() });
    const webSocket = new Tried(null as never, undefined, { closeTimeout: closeTimeoutMs } as object);
    const full = { maxPayload: mostBytes + 2, maxFragments: mostFragments };
    const heard: number[] = [];
    webSocket.on('message', (data: Buffer) => heard.push(data.length));
    // The last message is too large; without a listener its error would be thrown.
    webSocket.on('error', () => {});
    const inside: EngineWebSocket = webSocket;
    inside.setSocket?.(socket, Buffer.alloc(0), full);
    const seen: number[] = [];
    webSocket.limit(
      {
        mostBytes,
        mostFragments,
        filter: (_, pass) => new ProbeFilter(seen, pass),
      },
      full,
    );
    const { _receiver: receiver } = inside;
    const limited = receiver?._maxPayload === mostBytes;
    receiver?.write(frameOf(mostBytes));
    webSocket.lift();
    receiver?.write(frameOf(mostBytes + 1));
    receiver?.write(frameOf(mostBytes + 3));
    const holds = limited && heard.join() === `${mostBytes},${mostBytes + 1}` && seen.length === 1;
    webSocket.terminate();
    return holds;
  } catch {
    return false;
  }
}

/** Whether the bytes of a WebSocket can be passed in slices, tried with a WebSocket without a peer. */
export function canPace(Tried = GuardedWebSocket): boolean {
  const none = Number.POSITIVE_INFINITY;
  const pacing = new Pacing({ messagesPerSecond: none, messageBurst: none, delayedFor: none });
  try {
    const socket = new Duplex({ read() {}, write: (_, __, done) => done() });
    const webSocket = new Tried(null as never, undefined, { closeTimeout: 1 } as object);
    let heard = 0;
    webSocket.on('message', () => {
      heard += 1;
    });
    webSocket.on('error', () => {});
    const inside: EngineWebSocket = webSocket;
    inside.setSocket?.(socket, Buffer.alloc(0), { maxPayload: 1_000, maxFragments: 1 });
    webSocket.pace({ pacing, keepAlive() {}, tooFast() {}, tooLarge() {} });
    const read = (frames: number): unknown =>
      socket.emit('data', Buffer.concat(Array.from({ length: frames }, () => frameOf(200))));
    read(MOST_FRAMES);
    const passes = heard === MOST_FRAMES && !webSocket.isPaused;
    read(MOST_FRAMES + 1);
    const holds = passes && heard === MOST_FRAMES && webSocket.isPaused;
    webSocket.terminate();
    return holds;
  } catch {
    return false;
  } finally {
    pacing.turns.clear();
  }
}

/** Whether the compression extension has its limit in the known member. Tried by an upgrade with compression, without a peer. */
export function boundsInflated(Tried = GuardedWebSocket): boolean {
  const maxPayload = 4321;
  let bound: number | undefined;
  const headers = {
    ...{ upgrade: 'websocket', 'sec-websocket-version': '13', 'sec-websocket-key': 'A'.repeat(22).concat('==') },
    'sec-websocket-extensions': 'permessage-deflate',
  };
  try {
    const options = { noServer: true, perMessageDeflate: true, maxPayload, WebSocket: Tried };
    const socket = new Duplex({ read() {}, write: (_, __, done) => done() });
    const request = { method: 'GET', headers } as unknown as IncomingMessage;
    new WebSocketServer(options).handleUpgrade(request, socket, Buffer.alloc(0), (webSocket) => {
      bound = inflaterOf(webSocket)?._maxPayload;
      webSocket.terminate();
    });
  } catch {
    // The request was not accepted.
  }
  return bound === maxPayload;
}

class ProbeFilter implements InputFilter {
  isDone = false;
  readonly #seen: number[];
  readonly #pass: (bytes: Buffer) => boolean;

  constructor(seen: number[], pass: (bytes: Buffer) => boolean) {
    this.#seen = seen;
    this.#pass = pass;
  }

  write(chunk: Buffer): boolean {
    this.#seen.push(chunk.length);
    return this.#pass(chunk);
  }

  lift(): void {
    this.isDone = true;
  }
}

/** A masked text frame with a payload of this many bytes. */
function frameOf(bytes: number): Buffer {
  const head = Buffer.alloc(8);
  head.writeUInt8(0x81, 0);
  head.writeUInt8(0x80 | 126, 1);
  head.writeUInt16BE(bytes, 2);
  return Buffer.concat([head, Buffer.alloc(bytes, 'a')]);
}
