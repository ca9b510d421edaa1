import type { IConnection } from './ports.js';

/**
 * Namespaces that a connection may ask for in one turn of the event loop. More than a program has, and far fewer than fit
 * into one request: of each, Socket.IO makes a socket and runs the program's middleware before anybody can refuse it.
 */
const MOST_AT_ONCE = 64;

/** The first character of Socket.IO's CONNECT packet, which is all that comes before the name of the namespace. */
const CONNECT = '0';

/** What engine.io hands to Socket.IO; `packet` comes right before. */
interface IEnginePacket {
  readonly type: string;
  readonly data?: unknown;
}

/** Closes connections that ask for too many namespaces at once. */
export class ConnectBurst {
  readonly #counts = new Map<IConnection, number>();
  readonly #onPacket: (this: IConnection, packet: IEnginePacket) => void;

  constructor() {
    const count = (connection: IConnection) => this.#count(connection);
    // One listener for all connections: they are called with the connection as `this`.
    this.#onPacket = function ({ type, data }) {
      if (type === 'message' && typeof data === 'string' && data.startsWith(CONNECT)) count(this);
    };
  }

  watch(connection: IConnection): void {
    connection.on('packet', this.#onPacket);
  }

  #count(connection: IConnection): void {
    if (this.#counts.size === 0) setImmediate(() => this.#counts.clear());
    const count = (this.#counts.get(connection) ?? 0) + 1;
    this.#counts.set(connection, count);
    // At once: what stands behind in the same request is then not read any more.
    if (count > MOST_AT_ONCE) connection.close(true);
  }
}
