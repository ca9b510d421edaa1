import { setTimeout as nextTick } from 'node:timers/promises';
import { RoomgateError } from '../protocol/errors.js';
import { Deadlines } from '../session/deadlines.js';
import { Session } from '../session/session.js';
import { makeProbeServer, ProbeConnection } from '../socketio/probe-server.js';
import { interceptPackets, receivePacket } from '../socketio/socket-io.js';
import { Gate, type PacketHandler, receiverOf } from './gate.js';
import { guardedAdapter } from './guarded-adapter.js';
import { Membership } from './membership.js';

/**
 * Tries, on a server without a network, whether the gate holds with the installed Socket.IO: no event in and no packet out
 * before admission, both after it. Rejects otherwise, because the gate must never be open by accident.
 */
export async function assertGateHolds(): Promise<void> {
  const connection = new ProbeConnection();
  try {
    await tryGate(connection);
  } catch (error) {
    throw new RoomgateError(
      'unsupported',
      'The installed version of socket.io cannot be guarded: events would reach handlers before authentication, or never. ' +
        'Install socket.io 4.8.4 or newer of version 4.8.',
      { cause: error },
    );
  } finally {
    connection.end();
  }
}

async function tryGate(connection: ProbeConnection): Promise<void> {
  const heard: string[] = [];
  const session = await connectTo(connection, heard);
  const { socket } = session;
  const membership = Membership.of(socket.nsp.adapter);
  if (membership === undefined) throw new Error('the adapter is not guarded');

  connection.written.length = 0;
  connection.receive('21["probe"]');
  socket.nsp.emit('probe');
  socket.nsp.to(socket.id).emit('probe');
  await ticks();
  expect(heard, [], 'before admission, events in');
  expect(connection.written, [], 'before admission, packets out');

  session.moveTo('authenticating');
  session.moveTo('authenticated');
  membership.admit(socket.id, []);
  connection.receive('2["probe"]');
  socket.nsp.to(socket.id).emit('probe');
  await ticks();
  expect(heard, ['any probe', 'use probe', 'on probe'], 'after admission, events in');
  expect(connection.written, ['2["probe"]'], 'after admission, packets out');
}

/** The session of a socket behind the gate. Every event that passes the gate is added to `heard`. */
async function connectTo(connection: ProbeConnection, heard: string[]): Promise<Session> {
  const { io, accept } = makeProbeServer(guardedAdapter(undefined, { report: () => {} }));
  let session: Session | undefined;
  const gate = new Gate({ find: () => session, payloadDepth: 1, isOver: () => false, report: () => {} });
  const perform: PacketHandler['perform'] = (socket, packet, verdict) => {
    if (verdict === 'deliver') receivePacket(socket, packet);
  };
  const receive = receiverOf({
    event: { flow: (id, packet) => gate.decideEvent(id, packet), perform },
    acknowledgement: { flow: (id, packet) => gate.decideAcknowledgement(id, packet), perform },
    disconnect: { flow: () => 'deliver', perform },
  });
  io.on('connect', (socket) => {
    session = new Session(socket, new Deadlines(1, () => {}).of(socket.conn));
    interceptPackets(socket, receive);
    socket.onAny((event) => heard.push(`any ${event}`));
    socket.use(([event], next) => {
      heard.push(`use ${event}`);
      next();
    });
    socket.on('probe', () => heard.push('on probe'));
  });
  accept(connection);
  connection.receive('0');
  await ticks();
  if (session === undefined) throw new Error('a connection did not become a socket');
  return session;
}

/** Waits for more ticks than Socket.IO needs. Uses timers, because in Bun 1.2 an immediate may wait while nothing else happens. */
async function ticks(): Promise<void> {
  for (let tick = 0; tick < 3; tick++) await nextTick();
}

function expect(found: readonly string[], wanted: readonly string[], when: string): void {
  if (found.join() !== wanted.join()) throw new Error(`${when}: [${found}] instead of [${wanted}]`);
}
