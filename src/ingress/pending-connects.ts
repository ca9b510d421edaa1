import type { Namespace } from 'socket.io';
import type { Wire, WirePacket } from '../ports/wire.js';
import { watchWrites } from '../socketio/engine-packets.js';
import { onSocketGone } from '../socketio/socket-io.js';

/**
 * Namespaces that a connection may ask for at a time. More than a program has, and far fewer than fit into one request. For
 * each, Socket.IO makes a socket and runs the program's middleware before it can be refused.
 */
const MOST_PENDING = 64;

/**
 * The first characters of Socket.IO's packets CONNECT and CONNECT_ERROR; the name of the namespace follows. If the program's parser
 * uses others, nothing is counted.
 */
const CONNECT = '0';
const REFUSAL = '4';

/** One of these packets for the namespace `/`: with or without its name, a query (protocol 3), or data such as an `auth`. */
const OF_ROOT = /^[04](?:$|[^/]|\/(?:$|[,?]))/;

/** CONNECT packets without an answer, of namespaces whose refusals are noticed by what is written. */
interface Unanswered {
  count: number;
  readonly stopWatching: () => void;
}

/**
 * Closes a connection that has too many CONNECT packets pending. For the namespace `/` the limit is one, because Socket.IO makes
 * a socket for each packet and keeps its `auth` until the program's middleware has answered.
 */
export class PendingConnects {
  readonly #others = new WeakMap<Wire, Unanswered>();
  readonly #ofRoot = new WeakSet<Wire>();
  readonly #cut: (wire: Wire) => void;
  readonly #onPacket: (this: Wire, packet: WirePacket) => void;
  /** Whether the sockets of `/` that are refused are noticed. So nothing has to be watched for clients that ask for `/` only. */
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
    this.#knowsRefusals = onSocketGone(root, ({ conn }) => this.#ofRoot.delete(conn));
  }

  add(wire: Wire): void {
    wire.on('packet', this.#onPacket);
  }

  /** Socket.IO has accepted a CONNECT packet of this connection. */
  answered(wire: Wire, isRoot: boolean): void {
    if (isRoot && this.#knowsRefusals) this.#ofRoot.delete(wire);
    else this.#uncount(wire);
  }

  /** Whether a CONNECT packet of this connection has no answer yet: a middleware of the program still decides. */
  isPending(wire: Wire): boolean {
    return this.#ofRoot.has(wire) || this.#others.has(wire);
  }

  #isOfRoot(data: string): boolean {
    return this.#knowsRefusals && OF_ROOT.test(data);
  }

  #count(wire: Wire, data: string): void {
    const isOfRoot = this.#isOfRoot(data);
    const isSecond = isOfRoot && this.#ofRoot.has(wire);
    if (isOfRoot) this.#ofRoot.add(wire);
    else this.#unanswered(wire).count++;
    if (isSecond || (this.#others.get(wire)?.count ?? 0) > MOST_PENDING) this.#cut(wire);
  }

  #unanswered(wire: Wire): Unanswered {
    const known = this.#others.get(wire);
    if (known !== undefined) return known;
    const stopWatching = watchWrites(wire, (message) => {
      if (typeof message === 'string' && message.startsWith(REFUSAL) && !this.#isOfRoot(message)) this.#uncount(wire);
    });
    const unanswered = { count: 0, stopWatching };
    this.#others.set(wire, unanswered);
    return unanswered;
  }

  #uncount(wire: Wire): void {
    const unanswered = this.#others.get(wire);
    if (unanswered === undefined) return;
    unanswered.count--;
    if (unanswered.count > 0) return;
    this.#others.delete(wire);
    unanswered.stopWatching();
  }
}
