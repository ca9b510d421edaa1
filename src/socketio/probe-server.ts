import { EventEmitter } from 'node:events';
import type { ServerOptions } from 'socket.io';
import type { IOServer } from '../ports/socket.js';
import { Server } from './packages.js';

/** A connection without a peer, with the members of engine.io's that Socket.IO uses. */
export class ProbeConnection extends EventEmitter {
  readonly id = 'probe';
  readonly protocol = 4;
  readonly readyState = 'open';
  readonly remoteAddress = '';
  readonly transport = { writable: true };
  readonly request = { headers: {}, connection: {}, url: '', _query: {} };
  /** The packets that Socket.IO has sent. */
  readonly written: string[] = [];

  write(data: unknown): void {
    this.written.push(String(data));
  }

  close(): void {}

  /** Receives a message from its peer. */
  receive(message: string): void {
    this.emit('data', message);
  }

  /** Closes it, which also clears Socket.IO's timers of it. */
  end(): void {
    this.emit('close', 'transport close');
  }
}

export interface ProbeServer {
  readonly io: IOServer;
  accept(connection: ProbeConnection): void;
}

/** A Socket.IO server without a network, to try the installed version. */
export function makeProbeServer(adapter: ServerOptions['adapter']): ProbeServer {
  const io = new Server({ adapter, serveClient: false });
  const engine = new EventEmitter();
  io.bind(engine as never);
  return { io, accept: (connection) => engine.emit('connection', connection) };
}
