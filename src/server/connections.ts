import type { Packet } from 'socket.io-parser';
import { isPromiseLike } from '../common/is-promise-like.js';
import { hasManyArguments, receiverOf } from '../gate/gate.js';
import type { PendingConnects } from '../ingress/pending-connects.js';
import type { Reporter } from '../ports/reports.js';
import type { IOServer, IOSocket } from '../ports/socket.js';
import type { Wire, WireSource } from '../ports/wire.js';
import { readRequest } from '../rooms/read-request.js';
import type { Registry } from '../session/registry.js';
import type { Session } from '../session/session.js';
import { Socket } from '../socketio/packages.js';
import { interceptPackets, receivePacket } from '../socketio/socket-io.js';
import type { InboundTable } from './inbound.js';
import { type EventRow, run } from './inbound-rows.js';
import type { Report } from './reports.js';

export interface ConnectionsOptions {
  readonly table: InboundTable;
  readonly registry: Registry;
  readonly pendingConnects: PendingConnects;
  readonly report: Reporter<Report>;
}

type Listener = (this: IOSocket, ...args: unknown[]) => void;

/**
 * Connects each event of a client to its row of the inbound table. All listeners of `server/` on connections and sockets are
 * registered here, and each runs one row.
 */
export class Connections {
  readonly #table: InboundTable;
  readonly #registry: Registry;
  readonly #pendingConnects: PendingConnects;
  readonly #report: Reporter<Report>;
  // One of each for all connections and sockets, called with them as `this`: own ones would cost each idle client memory.
  readonly #closed: (this: Wire) => void;
  readonly #receive: ReturnType<typeof receiverOf>;
  readonly #receiveElsewhere: ReturnType<typeof receiverOf>;
  readonly #listeners: Readonly<Record<keyof InboundTable['events'], Listener>>;

  constructor({ table, registry, pendingConnects, report }: ConnectionsOptions) {
    this.#table = table;
    this.#registry = registry;
    this.#pendingConnects = pendingConnects;
    this.#report = report;
    const { disconnect, authenticate, join, leave } = table.events;
    this.#closed = function () {
      run(table.connections.closed, this);
    };
    this.#receive = receiverOf(table.packets);
    this.#receiveElsewhere = function (this: IOSocket, packet: Packet) {
      if (!hasManyArguments(packet)) receivePacket(this, packet);
      else report({ type: 'event_dropped', client: this.id, reason: 'too_many_arguments' });
    };
    this.#listeners = {
      disconnect: this.#listenerOf(disconnect),
      authenticate: this.#authenticateListener(authenticate, table.renewals.authenticate),
      join: this.#listenerOf(join),
      leave: this.#listenerOf(leave),
    };
  }

  /** Call it before the program can add a listener, so that the gate handles each packet first. */
  attach(io: IOServer, wires: WireSource): void {
    const { opened } = this.#table.connections;
    this.#pendingConnects.attach(io.sockets);
    wires.onWire((connection) => {
      connection.on('close', this.#closed);
      run(opened, connection);
    });
    io.on('new_namespace', (other) => other.on('connect', (socket) => this.#joinedOther(socket, other.name)));
    // Socket.IO emits `connect` directly before `connection`, to which the program listens.
    io.on('connect', (socket) => this.#joined(socket));
  }

  /** Listens to the events that a client may send before authentication, or to those that it may send after it. */
  listenToSocket(socket: IOSocket, isAuthenticated: boolean): void {
    const { events } = this.#table;
    for (const name of EVENTS) {
      const isLater = events[name].allowed === 'after authentication';
      if (isLater === isAuthenticated) socket.on(name, this.#listeners[name]);
    }
  }

  /** A connection exceeds its budget of unread bytes. */
  readsTooSlowly(connection: Wire, waitingBytes: number): void {
    run(this.#table.limits.readsTooSlowly, connection, waitingBytes);
  }

  /** A client has been over its rate of messages for too long. */
  sendsTooFast(connection: Wire): void {
    run(this.#table.limits.tooManyMessages, connection);
  }

  #joined(socket: IOSocket): void {
    // The program and other instances can emit this event on the server, with any argument.
    if (!(socket instanceof Socket)) return;
    interceptPackets(socket, this.#receive);
    run(this.#table.connections.joinedRoot, socket);
  }

  #joinedOther(socket: IOSocket, namespace: string): void {
    if (!(socket instanceof Socket)) return;
    // A namespace of the program has no gate, but no packet of a client may end the process there either.
    interceptPackets(socket, this.#receiveElsewhere);
    run(this.#table.connections.joinedOther, socket.conn, namespace);
  }

  #listenerOf<Verdict>(row: EventRow<Verdict>): Listener {
    const registry = this.#registry;
    const answer = (session: Session, args: readonly unknown[]) => this.#answer(row, session, args);
    return function (...args) {
      const session = registry.get(this.id);
      if (session !== undefined) void answer(session, args);
    };
  }

  /** A client that is authenticated renews its credentials by the same event. */
  #authenticateListener(
    first: InboundTable['events']['authenticate'],
    again: InboundTable['renewals']['authenticate'],
  ) {
    const registry = this.#registry;
    const answer = (session: Session, args: readonly unknown[]): Promise<void> =>
      session.authenticated ? this.#answer(again, session, args) : this.#answer(first, session, args);
    return function (this: IOSocket, ...args: unknown[]) {
      const session = registry.get(this.id);
      if (session !== undefined) void answer(session, args);
    };
  }

  // Few promises on purpose: this code runs for every connection.
  async #answer<Verdict>(row: EventRow<Verdict>, session: Session, args: readonly unknown[]): Promise<void> {
    if (row.begin?.(session) === false) return;
    const { payload, acknowledge } = readRequest(args);
    try {
      const deciding = row.flow(session, payload);
      const verdict = isPromiseLike(deciding) ? await deciding : deciding;
      for (const step of row.perform) {
        // The one place that drops the verdict if the session has ended meanwhile.
        if (session.ended) return;
        const acting = step(session, verdict, acknowledge);
        if (isPromiseLike(acting)) await acting;
      }
    } catch (error) {
      this.#report({ type: 'handler_failed', where: row.where, client: session.id, error });
      row.failed?.(session);
    }
  }
}

/** In the order in which listeners are added. */
const EVENTS = ['disconnect', 'authenticate', 'join', 'leave'] as const;
