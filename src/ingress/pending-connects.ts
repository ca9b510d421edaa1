import type { Namespace } from 'socket.io';
import type { Connection } from '../ports/connection.js';
import { onSocketGone } from '../socketio/socket-io.js';

/**
 * Namespaces that a connection may be asking for at a time. More than a program has, and far fewer than fit into one
 * request: of each, Socket.IO makes a socket and runs the program's middleware before anybody can refuse it.
 */
const MOST_PENDING = 64;

/**
 * The first character of Socket.IO's CONNECT packet, which is all that comes before the name of the namespace. With a
 * parser of the program's own that writes another one, nothing is counted.
 */
const CONNECT = '0';

/** What engine.io hands to Socket.IO; `packet` comes right before. */
interface EnginePacket {
  readonly type: string;
  readonly data?: unknown;
}

/** A CONNECT of the namespace `/`: with or without its name, a query (protocol 3) or an `auth`. */
const OF_ROOT = /^0(?:$|[^/]|\/(?:$|[,?]))/;

/**
 * Closes a connection that has too many CONNECT packets pending. For the namespace `/` the limit is one, because Socket.IO makes a
 * socket of each packet and keeps its `auth` until the program's middleware has answered.
 */
export class PendingConnects {
  readonly #counts = new WeakMap<Connection, number>();
  readonly #ofRoot = new WeakSet<Connection>();
  readonly #cut: (connection: Connection) => void;
  readonly #onPacket: (this: Connection, packet: EnginePacket) => void;
  /** Whether it is known when middleware refuses a socket of `/`. */
  #knowsRefusals = false;

  /** `cut` closes one at once: what stands behind in the same request is then not read any more. */
  constructor(cut: (connection: Connection) => void) {
    this.#cut = cut;
    const count = (connection: Connection, data: string) => this.#count(connection, data);
    // One listener for all connections: they are called with the connection as `this`.
    this.#onPacket = function ({ type, data }) {
      if (type === 'message' && typeof data === 'string' && data.startsWith(CONNECT)) count(this, data);
    };
  }

  /** Looks at the sockets of `/` that are refused. */
  attach(root: Namespace): void {
    this.#knowsRefusals = onSocketGone(root, ({ conn }) => {
      if (this.#ofRoot.delete(conn)) this.#uncount(conn);
    });
  }

  add(connection: Connection): void {
    connection.on('packet', this.#onPacket);
  }

  /** Socket.IO has answered one of its CONNECT packets: it is in a namespace. */
  answered(connection: Connection, isRoot: boolean): void {
    if (isRoot) this.#ofRoot.delete(connection);
    this.#uncount(connection);
  }

  #uncount(connection: Connection): void {
    const count = (this.#counts.get(connection) ?? 1) - 1;
    if (count === 0) this.#counts.delete(connection);
    else this.#counts.set(connection, count);
  }

  #count(connection: Connection, data: string): void {
    const count = (this.#counts.get(connection) ?? 0) + 1;
    this.#counts.set(connection, count);
    const isOfRoot = this.#knowsRefusals && OF_ROOT.test(data);
    const isSecond = isOfRoot && this.#ofRoot.has(connection);
    if (isOfRoot) this.#ofRoot.add(connection);
    if (isSecond || count > MOST_PENDING) this.#cut(connection);
  }
}
