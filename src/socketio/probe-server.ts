import { EventEmitter } from 'node:events';
import type { ServerOptions } from 'socket.io';
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

export interface ProbeServer {
  readonly io: IOServer;
  accept(connection: ProbeConnection): void;
}

/** A Socket.IO server without a network, to try what is installed. */
export function makeProbeServer(adapter: ServerOptions['adapter']): ProbeServer {
  const io = new Server({ adapter, serveClient: false });
  const engine = new EventEmitter();
  io.bind(engine as never);
  return { io, accept: (connection) => engine.emit('connection', connection) };
}
