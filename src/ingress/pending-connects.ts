import type { Namespace } from 'socket.io';
import type { Wire, WirePacket } from '../ports/wire.js';
import { onSocketGone } from '../socketio/socket-io.js';

/**
 * Namespaces that a connection may ask for at a time. More than a program has, and far fewer than fit into one request. For
 * each, Socket.IO makes a socket and runs the program's middleware before it can be refused.
 */
const MOST_PENDING = 64;

/**
 * The first character of Socket.IO's CONNECT packet; the name of the namespace follows. If the program's parser uses another
 * one, nothing is counted.
 */
const CONNECT = '0';

/** A CONNECT of the namespace `/`: with or without its name, a query (protocol 3) or an `auth`. */
const OF_ROOT = /^0(?:$|[^/]|\/(?:$|[,?]))/;

/**
 * Closes a connection that has too many CONNECT packets pending. For the namespace `/` the limit is one, because Socket.IO makes
 * a socket for each packet and keeps its `auth` until the program's middleware has answered.
 */
export class PendingConnects {
  readonly #counts = new WeakMap<Wire, number>();
  readonly #ofRoot = new WeakSet<Wire>();
  readonly #cut: (wire: Wire) => void;
  readonly #onPacket: (this: Wire, packet: WirePacket) => void;
  /** Whether refusals of middleware of `/` are noticed. */
  #knowsRefusals = false;

  /** `cut` closes a connection immediately, so that later packets of the same request are not read. */
  constructor(cut: (wire: Wire) => void) {
    this.#cut = cut;
    const count = (wire: Wire, data: string) => this.#count(wire, data);
    // One listener for all connections, called with the connection as `this`.
    this.#onPacket = function ({ type, data }) {
      if (type === 'message' && typeof data === 'string' && data.startsWith(CONNECT)) count(this, data);
    };
  }

  /** Notices the sockets of `/` that are refused. */
  attach(root: Namespace): void {
    this.#knowsRefusals = onSocketGone(root, ({ conn }) => {
      if (this.#ofRoot.delete(conn)) this.#uncount(conn);
    });
  }

  add(wire: Wire): void {
    wire.on('packet', this.#onPacket);
  }

  /** Socket.IO has accepted a CONNECT packet of this connection. */
  answered(wire: Wire, isRoot: boolean): void {
    if (isRoot) this.#ofRoot.delete(wire);
    this.#uncount(wire);
  }

  /** Whether a CONNECT packet of this connection has no answer yet: a middleware of the program still decides. */
  isPending(wire: Wire): boolean {
    return this.#counts.has(wire);
  }

  #uncount(wire: Wire): void {
    const count = (this.#counts.get(wire) ?? 1) - 1;
    if (count === 0) this.#counts.delete(wire);
    else this.#counts.set(wire, count);
  }

  #count(wire: Wire, data: string): void {
    const count = (this.#counts.get(wire) ?? 0) + 1;
    this.#counts.set(wire, count);
    const isOfRoot = this.#knowsRefusals && OF_ROOT.test(data);
    const isSecond = isOfRoot && this.#ofRoot.has(wire);
    if (isOfRoot) this.#ofRoot.add(wire);
    if (isSecond || count > MOST_PENDING) this.#cut(wire);
  }
}
