// npm test: node
// npm run test:matrix: newest-node
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { expect, it } from 'vitest';
import { bytesBeingWritten } from '../../src/socketio/being-written.js';
import { defer } from '../support/cleanup.js';
import { eventually } from '../support/facts.js';

it('knows how much of a write the system has not taken, while the peer reads it', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  defer(() => server.close());
  const { port } = server.address() as { port: number };
  const peer = connect(port, '127.0.0.1').pause();
  defer(() => peer.destroy());
  const [socket] = (await once(server, 'connection')) as [Socket];
  defer(() => socket.destroy());
  expect(bytesBeingWritten(socket)).toBe(0);
  socket.write(Buffer.alloc(40_000_000));
  const first = bytesBeingWritten(socket);
  expect(first).toBeGreaterThan(1_000_000);
  // This is why it is needed: the public count does not change before the end of the write.
  expect(socket.writableLength).toBe(40_000_000);
  let read = 0;
  peer.on('data', (bytes) => {
    read += bytes.length;
    if (read - bytes.length < 10_000_000 && read >= 10_000_000) peer.pause();
  });
  peer.resume();
  await eventually(() => peer.isPaused() && bytesBeingWritten(socket) < first);
  expect(socket.writableLength).toBe(40_000_000);
  peer.resume();
  await eventually(() => bytesBeingWritten(socket) === 0);
});

it('knows nothing of a stream that is closed, or is none of Node.js', () => {
  expect(bytesBeingWritten(undefined)).toBe(0);
  expect(bytesBeingWritten({ _handle: null } as unknown as Socket)).toBe(0);
  expect(bytesBeingWritten({ _handle: { writeQueueSize: 'many' } } as unknown as Socket)).toBe(0);
});
