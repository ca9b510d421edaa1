import { EventEmitter } from 'node:events';
import type { AdapterFactory } from '../ports/backplane.js';
import type { IOServer } from '../ports/socket.js';
import { Server } from './packages.js';

/** A connection of engine.io with nobody behind it, as far as Socket.IO uses one. */
export class ProbeConnection extends EventEmitter {
  readonly id = 'probe';
  readonly protocol = 4;
  readonly readyState = 'open';
  readonly remoteAddress = '';
  readonly transport = { writable: true };
  readonly request = { headers: {}, connection: {}, url: '', _query: {} };
  /** What Socket.IO has sent. */
  readonly written: string[] = [];

  write(data: unknown): void {
    this.written.push(String(data));
  }

  close(): void {}

  /** Receives a message from its peer. */
  receive(message: string): void {
    this.emit('data', message);
  }

  /** Takes Socket.IO's timers of this connection with it. */
  end(): void {
    this.emit('close', 'transport close');
  }
}

/** A Socket.IO server without a network, to try what is installed. `accept` gives it a connection. */
export function makeProbeServer(adapter: AdapterFactory): { io: IOServer; accept(connection: ProbeConnection): void } {
  const io = new Server({ adapter, serveClient: false });
  const engine = new EventEmitter();
  io.bind(engine as never);
  return { io, accept: (connection) => engine.emit('connection', connection) };
}
