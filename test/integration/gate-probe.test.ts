// npm test: node
// npm run test:matrix: newest-node
import { createServer } from 'node:http';
import { Socket } from 'socket.io';
import { Adapter } from 'socket.io-adapter';
import { Decoder, Encoder, PacketType } from 'socket.io-parser';
import { afterEach, describe, expect, it } from 'vitest';
import { SocketIOServerHelper } from '../../src/server/server-helper.js';
import { rawWebSocket } from '../support/raw.js';
import { connect, connectAuthenticated, startServer } from '../support/server.js';

type Private = Record<string, unknown>;
const prototype = Socket.prototype as unknown as Private;

/** Changes of the hook that a later version of Socket.IO could make. */
const original = Object.fromEntries(
  ['_onpacket', 'onevent', 'dispatch', '_onconnect'].map((name) => [name, prototype[name]]),
);

afterEach(() => {
  Object.assign(prototype, original);
});

function configureOne(): Promise<void> {
  const server = createServer();
  const helper = new SocketIOServerHelper({
    runtime: 'node',
    server,
    identifier: 'a',
    serverOptions: {},
    authenticateFn: () => true,
  });
  return helper.configure().then(() => helper.shutdown());
}

describe('configure() with a changed Socket.IO', () => {
  it('starts with the installed version', async () => {
    await expect(configureOne()).resolves.toBeUndefined();
  });

  it.each([
    [
      'packets do not pass the hook any more',
      () => {
        const receive = original._onpacket as (this: Socket, packet: unknown) => void;
        // As if packets were dispatched without the socket's method that the gate replaces.
        prototype._onconnect = function (this: Socket) {
          Object.defineProperty(this, '_onpacket', { get: () => receive, set: () => {} });
          (original._onconnect as (this: Socket) => void).call(this);
        };
      },
    ],
    [
      'the hook is gone',
      () => {
        delete prototype._onpacket;
      },
    ],
    [
      'what the hook hands on to is gone',
      () => {
        prototype.onevent = () => {};
      },
    ],
    [
      'a socket enters the adapter by another way',
      () => {
        prototype._onconnect = function (this: Socket) {
          (original._onconnect as (this: Socket) => void).call(this);
          this.nsp.adapter.sids.set(this.id, new Set([this.id]));
          this.nsp.adapter.rooms.set(this.id, new Set([this.id]));
        };
      },
    ],
  ])('refuses to start when %s', async (_, change) => {
    change();
    await expect(configureOne()).rejects.toMatchObject({
      code: 'unsupported',
      message: expect.stringContaining('cannot be guarded'),
    });
  });
});

describe('a program that sets its own adapter later', () => {
  it.each([
    ['its own', () => Adapter],
    ['the one that the server had', (io: { adapter(): unknown }) => io.adapter()],
  ])('does not open the gate with %s, and lets clients in', async (_, set) => {
    const { helper, url } = await startServer();
    const io = helper.getIOServer();
    io.adapter(set(io) as never);
    const [stranger, member] = [connect(url), await connectAuthenticated(url)];
    await stranger.heardOf('connect');
    io.emit('x', 1);
    io.to(stranger.socket.id ?? '').emit('x', 1);
    expect(await member.heardOf('x')).toBe(1);
    helper.getClients({ id: stranger.socket.id ?? '' })?.socket.emit('deliberate', 1);
    await stranger.heardOf('deliberate');
    expect(stranger.heard.map(([event]) => event)).toEqual(['connect', 'deliberate']);
  });
});

describe('a program with its own parser', () => {
  it('does not let a client forge an event of Socket.IO', async () => {
    class Lax extends Decoder {
      override add(data: unknown): void {
        if (data === '2["disconnect","forged"]') {
          this.emitReserved('decoded', { type: PacketType.EVENT, nsp: '/', data: ['disconnect', 'forged'] });
        } else super.add(data);
      }
    }
    const { helper, url } = await startServer({ serverOptions: { parser: { Encoder, Decoder: Lax } } });
    const peer = await rawWebSocket(url);
    const { sid } = await peer.connect('/', { token: 'good' });
    peer.emit('authenticate');
    await peer.event('authenticated');
    peer.send('42["disconnect","forged"]');
    peer.emit('leave', [{ rooms: [] }], 1);
    await peer.frames.next((frame) => String(frame).startsWith('431'));
    expect(helper.getClients({ id: sid })?.state).toBe('authenticated');
  });
});
