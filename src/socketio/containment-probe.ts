import { setTimeout as nextTick } from 'node:timers/promises';
import { Containment } from './contained-socket.js';
import { Adapter } from './packages.js';
import { makeProbeServer, ProbeConnection } from './probe-server.js';
import { interceptPackets, makeSocketIds, receivePacket } from './socket-io.js';

/**
 * Tries, on a server without a network, whether events of contained sockets take our way: through `onAny` and the middleware to the
 * handlers, acknowledged, and in this order. Nothing is thrown, because an installed version that fails the test would not contain it.
 */
export async function containsAsExpected(): Promise<boolean> {
  const connection = new ProbeConnection();
  const heard: string[] = [];
  const containment = new Containment({
    handle: (_, [topic]) => heard.push(`handle ${String(topic)}`),
    middlewareFailed: () => {},
    middlewareRefused: () => {},
    failed: () => {},
  });
  const { io, accept } = makeProbeServer(Adapter);
  const isHooked = makeSocketIds(io.sockets, (socket) => socket.id, containment.Socket);
  io.on('connection', (socket) => {
    // As the gate passes packets on. An error would be uncaught.
    interceptPackets(socket, function (packet) {
      try {
        receivePacket(this, packet);
      } catch (error) {
        heard.push(String(error));
      }
    });
    socket.onAny((topic) => heard.push(`any ${topic}`));
    socket.use(([topic], next) => {
      heard.push(`use ${topic}`);
      next();
    });
    socket.on('probe', (acknowledge) => {
      heard.push('on probe');
      acknowledge('done');
    });
  });
  try {
    accept(connection);
    connection.receive('0');
    await ticks();
    connection.receive('27["probe"]');
    await ticks();
  } catch {
    return false;
  } finally {
    connection.end();
  }
  const isAnswered = connection.written.includes('37["done"]');
  return isHooked && isAnswered && heard.join() === 'any probe,use probe,handle probe,on probe';
}

/** Waits for more ticks than Socket.IO needs. Uses timers, because in Bun 1.2 an immediate may wait while nothing else happens. */
async function ticks(): Promise<void> {
  for (let tick = 0; tick < 3; tick++) await nextTick();
}
