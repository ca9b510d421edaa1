import { CLOSE_TIMEOUT_MS } from '../common/close-timeout.js';
import type { PendingConnects } from '../ingress/pending-connects.js';
import type { StrangerLimit } from '../ingress/reports.js';
import type { Strangers } from '../ingress/strangers.js';
import type { Reporter } from '../ports/reports.js';
import type { Runtime } from '../ports/runtime.js';
import type { IOSocket } from '../ports/socket.js';
import type { Wire } from '../ports/wire.js';
import type { Deadlines } from '../session/deadlines.js';
import type { Registry } from '../session/registry.js';
import { Session } from '../session/session.js';
import { connectionIdOf } from '../socketio/engine-transport.js';
import type { Report } from './reports.js';
import type { ResolvedBaseOptions } from './resolve-options.js';

/** Most namespaces that are reported: clients choose the names of dynamic ones. */
const MOST_UNGUARDED = 100;

export interface ConnectionPerformerParts {
  readonly options: Pick<ResolvedBaseOptions, 'authenticateTimeout'>;
  readonly runtime: Runtime;
  readonly registry: Registry;
  readonly deadlines: Deadlines;
  readonly pendingConnects: PendingConnects;
  readonly strangers: Strangers;
  /** Listens to the events that a client may send before authentication, or to the others. */
  readonly listen: (socket: IOSocket, isAuthenticated: boolean) => void;
  readonly report: Reporter<Report>;
}

/** Acts on verdicts about connections: from their first moment until a client joins `/`, and on their end. */
export class ConnectionPerformer {
  readonly #parts: ConnectionPerformerParts;
  readonly #report: Reporter<Report>;
  /** Connections that are used for namespaces of the program, so they have no deadline after leaving `/`. */
  readonly #elsewhere = new WeakSet<Wire>();
  /** The namespaces of the program that were reported. */
  readonly #unguarded = new Set<string>();

  constructor(parts: ConnectionPerformerParts) {
    this.#parts = parts;
    this.#report = parts.report;
  }

  readonly open = (connection: Wire, verdict: 'accept' | 'close'): void => {
    const { pendingConnects, strangers, deadlines } = this.#parts;
    pendingConnects.add(connection);
    strangers.add(connection);
    if (verdict === 'close') connection.close();
    else deadlines.of(connection);
  };

  readonly openSession = (socket: IOSocket, verdict: 'open' | 'end'): void => {
    const { pendingConnects, deadlines, registry, listen } = this.#parts;
    pendingConnects.answered(socket.conn, true);
    if (verdict === 'end') {
      this.end(socket.conn);
      return;
    }
    const session = new Session(socket, deadlines.of(socket.conn));
    registry.add(session);
    listen(socket, false);
    this.#report({ type: 'client_connected', client: session.id });
  };

  /** The connection has joined a namespace of the program. */
  readonly spare = (connection: Wire, namespace: string): void => {
    if (!this.#unguarded.has(namespace) && this.#unguarded.size < MOST_UNGUARDED) {
      this.#unguarded.add(namespace);
      this.#report({ type: 'namespace_unguarded', namespace });
    }
    const { pendingConnects, strangers, deadlines } = this.#parts;
    pendingConnects.answered(connection, false);
    this.#elsewhere.add(connection);
    strangers.admit(connection);
    deadlines.spare(connection);
  };

  /** The client has left `/`. If its connection stays open, a new deadline limits the time without authenticating again. */
  leaveRoot(connection: Wire): void {
    if (connection.readyState === 'open' && !this.#elsewhere.has(connection)) this.#parts.deadlines.of(connection);
  }

  readonly cut = (connection: Wire): void => {
    this.#parts.runtime.cut(connection);
  };

  /** Ends the oldest connection that is not authenticated, immediately, to make room for a new one. */
  readonly endStranger = (connection: Wire, limit: StrangerLimit): void => {
    this.#report({ type: 'limit_reached', client: connectionIdOf(connection), limit });
    this.#parts.runtime.end(connection, 0);
  };

  /** Ends a connection that has not joined `/` in time. */
  endUnjoined(connection: Wire): void {
    const { pendingConnects, options } = this.#parts;
    if (pendingConnects.isPending(connection)) {
      const client = connectionIdOf(connection);
      this.#report({ type: 'middleware_unanswered', client, afterMs: options.authenticateTimeout });
    }
    this.end(connection);
  }

  /** Ends the connection after the current send: this can be called in the middle of a broadcast. */
  readonly endSlowReader = (connection: Wire, waitingBytes: number): void => {
    const { registry, runtime } = this.#parts;
    const client = registry.of(connection)?.id;
    this.#report({ type: 'client_too_slow', queuedBytes: waitingBytes, ...(client === undefined ? {} : { client }) });
    queueMicrotask(() => runtime.end(connection, 0));
  };

  /** Closes a connection once its peer has read all messages, or after a timeout. */
  end(connection: Wire): void {
    this.#parts.runtime.end(connection, CLOSE_TIMEOUT_MS);
  }

  /** The connection is closed. */
  remove(connection: Wire): void {
    const { deadlines, strangers, runtime } = this.#parts;
    deadlines.stop(connection);
    strangers.remove(connection);
    runtime.forget(connection);
  }
}
