import { EventEmitter } from 'node:events';
import { setTimeout as nextTurn } from 'node:timers/promises';
import type { IOSocket } from '../ports/socket.js';
import { RoomgateError } from '../protocol/errors.js';
import { Deadlines } from '../session/deadlines.js';
import { Session } from '../session/session.js';
import { Server } from '../socketio/packages.js';
import { Gate } from './gate.js';
import { guardedAdapter, Membership } from './membership.js';

/** An engine.io connection with nobody behind it. */
class ProbeConnection extends EventEmitter {
  readonly id = 'probe';
  readonly protocol = 4;
  readonly readyState = 'open';
  readonly remoteAddress = '';
  readonly transport = { writable: true };
  readonly request = { headers: {}, connection: {}, url: '', _query: {} };
  readonly written: string[] = [];

  write(data: unknown): void {
    this.written.push(String(data));
  }

  close(): void {}
}

/**
 * Tries, on a server of its own without a network, whether the gate holds with the Socket.IO that is installed: nothing
 * in and nothing out before admission, both after it. Rejects otherwise, as the gate must never fall open.
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
    // Takes Socket.IO's timers of this connection with it.
    connection.emit('close', 'transport close');
  }
}

async function tryGate(connection: ProbeConnection): Promise<void> {
  const io = new Server({ adapter: guardedAdapter(undefined, { report: () => {} }) as never, serveClient: false });
  const engine = new EventEmitter();
  io.bind(engine as never);
  const heard: string[] = [];
  let session: Session | undefined;
  const idle = { patienceMs: 1, overflowed: () => {}, report: () => {} };
  const gate = new Gate({ find: () => session, payloadDepth: 1, ...idle });
  io.on('connect', (socket) => {
    session = new Session(socket as IOSocket, new Deadlines(1, () => {}).of(socket.conn));
    gate.guard(socket as IOSocket);
    socket.onAny((event) => heard.push(`any ${event}`));
    socket.use(([event], next) => {
      heard.push(`use ${event}`);
      next();
    });
    socket.on('probe', () => heard.push('on probe'));
  });

  engine.emit('connection', connection);
  connection.emit('data', '0');
  await turns();
  if (session === undefined) throw new Error('a connection did not become a socket');
  const { socket } = session;
  const membership = Membership.of(socket.nsp.adapter);
  if (membership === undefined) throw new Error('the adapter is not guarded');

  connection.written.length = 0;
  connection.emit('data', '21["probe"]');
  io.emit('probe');
  io.to(socket.id).emit('probe');
  await turns();
  expect(heard, [], 'before admission, events in');
  expect(connection.written, [], 'before admission, packets out');

  session.moveTo('authenticating');
  session.moveTo('authenticated');
  membership.admit(socket.id, []);
  connection.emit('data', '2["probe"]');
  io.to(socket.id).emit('probe');
  await turns();
  expect(heard, ['any probe', 'use probe', 'on probe'], 'after admission, events in');
  expect(connection.written, ['2["probe"]'], 'after admission, packets out');
}

/** Longer than the ticks that Socket.IO takes for anything. By timers, as Bun 1.2 lets immediates wait while nothing else happens. */
async function turns(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) await nextTurn();
}

function expect(found: readonly string[], wanted: readonly string[], when: string): void {
  if (found.join() !== wanted.join()) throw new Error(`${when}: [${found}] instead of [${wanted}]`);
}
