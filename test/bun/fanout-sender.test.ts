// npm test: bun
// npm run test:matrix: oldest-bun
import { expect, it } from 'vitest';
import type { BunFrame } from '../../src/socketio/bun-frames.js';
import { BunSender } from '../../src/socketio/bun-sender.js';
import type { DirectSocket, DirectSocketUser } from '../../src/socketio/bun-socket.js';
import type { BunSocket, BunTransport } from '../../src/socketio/bun-types.js';
import { FrameQueue } from '../../src/socketio/frame-queue.js';

/** A guarded socket whose peer reads when the test allows it. */
class FakeSocket implements DirectSocket {
  readonly sent: string[] = [];
  isSlow = false;
  isClosed = false;
  isLost = false;
  drops = false;
  looks = 0;
  #then: (() => void) | undefined;
  #user: DirectSocketUser | undefined;

  bypass(user: DirectSocketUser): BunSocket {
    this.#user = user;
    const send = (piece: string | Uint8Array): number => {
      if (this.drops) return 0;
      this.sent.push(String(piece).slice(0, 5));
      return this.isSlow ? -1 : piece.length;
    };
    return {
      readyState: 1,
      sendText: send,
      sendBinary: send,
      cork: (act) => act(),
      getBufferedAmount: () => {
        this.looks++;
        return this.isSlow ? 1_000_000 : 0;
      },
    };
  }

  lost(): void {
    this.isLost = true;
    this.#user?.stop();
  }

  afterDrain(then: () => void): void {
    this.#then = then;
  }

  drain(): void {
    this.#then?.();
  }

  close(): void {
    this.isClosed = true;
    this.#user?.stop();
  }
}

function make() {
  const socket = new FakeSocket();
  const drained: string[] = [];
  const transport: BunTransport = {
    name: 'websocket',
    readyState: 'open',
    close: () => {},
    writable: true,
    send: () => {},
    doClose: () => {},
    emit: (event) => drained.push(event) > 0,
  };
  const queue = new FrameQueue<BunFrame>(() => {});
  BunSender.make(transport, socket, queue, { filled: () => {}, drained: () => {} });
  return { socket, transport, queue, drained };
}

/** 20 messages of 20 KB: three of them fill one chain. */
const BATCH = Array.from({ length: 20 }, (_, n) => ({ type: 'message', data: `${1_000 + n}${'x'.repeat(20_000)}` }));
const ALL = BATCH.map((_, n) => `4${1_000 + n}`);

it('sends as much of a batch as the peer accepts, and the rest later, in order', () => {
  const { socket, transport, queue, drained } = make();
  socket.isSlow = true;
  transport.send(BATCH);
  queue.flush();
  expect(socket.sent).toEqual(ALL.slice(0, 4));
  expect(transport.writable).toBe(false);
  socket.drain();
  queue.flush();
  // The engine gets `drain` only after the whole chain; otherwise it would hand over more.
  expect([socket.sent, drained]).toEqual([ALL.slice(0, 8), []]);
  socket.isSlow = false;
  socket.drain();
  queue.flush();
  expect([socket.sent, transport.writable, drained]).toEqual([ALL, true, ['drain']]);
});

it('sends packets that the engine adds meanwhile after the batch', () => {
  const { socket, transport, queue } = make();
  socket.isSlow = true;
  transport.send(BATCH);
  transport.send([{ type: 'pong', data: 'probe' }]);
  socket.isSlow = false;
  socket.drain();
  queue.flush();
  expect(socket.sent).toEqual([...ALL, '3prob']);
});

it('sends its queue before a transport closes', () => {
  const { socket, transport } = make();
  socket.isSlow = true;
  transport.send(BATCH);
  transport.doClose();
  expect([socket.sent, socket.isClosed]).toEqual([ALL, true]);
});

it('sends nothing after a message that Bun dropped', () => {
  const { socket, transport, queue } = make();
  socket.drops = true;
  transport.send([{ type: 'message', data: 'one' }]);
  queue.flush();
  socket.drops = false;
  transport.send([{ type: 'message', data: 'two' }]);
  queue.flush();
  expect([socket.isLost, socket.sent]).toEqual([true, []]);
});

it('reports a last message that Bun dropped', () => {
  const { socket, transport } = make();
  socket.isSlow = true;
  transport.send(BATCH);
  socket.drops = true;
  transport.doClose();
  expect([socket.isLost, socket.sent]).toEqual([true, ALL.slice(0, 4)]);
});

it('never buffers more in Bun uncounted than the limit of a slow peer', () => {
  const { socket, transport, queue } = make();
  socket.isSlow = true;
  let sent = 0;
  for (; transport.writable; sent++) {
    transport.send([{ type: 'message', data: 'x'.repeat(1_000) }]);
    queue.flush();
  }
  expect([sent, socket.looks]).toEqual([16, 1]);
});
