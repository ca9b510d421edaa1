import { deeperThan } from '../common/depth.js';
import { Broadcasts } from '../fanout/broadcasts.js';
import { type AuthenticationVerdict, authenticate } from '../gate/authentication.js';
import { Gate } from '../gate/gate.js';
import { Membership } from '../gate/membership.js';
import { PendingConnects } from '../ingress/pending-connects.js';
import { Strangers } from '../ingress/strangers.js';
import type { Connection } from '../ports/connection.js';
import type { IHandshake } from '../ports/options.js';
import type { Reporter } from '../ports/reports.js';
import type { Runtime } from '../ports/runtime.js';
import type { IOServer, IOSocket } from '../ports/socket.js';
import { type TUnauthenticatedCode, UNAUTHENTICATED_ERRORS } from '../protocol/errors.js';
import { EVENT_LIMITED, SocketIOConstants } from '../protocol/events.js';
import type {
  IAuthenticatedMessage,
  IComeBackMessage,
  IPingMessage,
  IUnauthenticatedMessage,
} from '../protocol/messages.js';
import { SocketIOClientStates } from '../protocol/states.js';
import { RoomRequests } from '../rooms/room-requests.js';
import type { Rooms } from '../rooms/rooms.js';
import { Deadlines } from '../session/deadlines.js';
import { EarlyEvents } from '../session/early-events.js';
import { KeepAlive } from '../session/keep-alive.js';
import type { Registry } from '../session/registry.js';
import { Session } from '../session/session.js';
import { Socket } from '../socketio/packages.js';
import type { Report } from './reports.js';
import type { ResolvedOptions } from './resolve-options.js';

/** How long a client that sent too much too early is to stay away. */
const COME_BACK_AFTER_MS = 1_000;

/** How long the peer of a connection that is being ended may take to fetch its last words. */
const LAST_WORDS_MS = 5_000;

export interface ConnectionsOptions {
  readonly options: ResolvedOptions;
  readonly registry: Registry;
  readonly rooms: Rooms;
  readonly runtime: Runtime;
  readonly report: Reporter<Report>;
}

type Listener = (this: IOSocket, ...args: unknown[]) => void;

/**
 * What clients cause, from their connection to their end. The only `socket.on`: each event goes to one flow, and the
 * verdict is performed here.
 *
 *   connect ──► unauthorized ──authenticate──► authenticating ──true──► authenticated ──┐
 *                    │                               │ otherwise                        │
 *                    └────────── deadline ───────────┴──────► told, ended ◄── disconnect┘
 */
export class Connections {
  readonly #options: ResolvedOptions;
  readonly #registry: Registry;
  readonly #runtime: Runtime;
  readonly #report: Reporter<Report>;
  readonly #gate: Gate;
  readonly #deadlines: Deadlines;
  readonly #keepAlive: KeepAlive;
  // One listener for all sockets, as with the gate: Socket.IO calls it with the socket as `this`.
  readonly #listeners: Readonly<Record<'disconnect' | 'authenticate' | 'join' | 'leave', Listener>>;
  readonly #pendingConnects: PendingConnects;
  readonly #strangers: Strangers;
  readonly #closed: (this: Connection) => void;
  readonly #sessions = new WeakMap<Connection, Session>();
  /** Connections that are used for namespaces of the program's own, which may be all that they are kept for. */
  readonly #elsewhere = new WeakSet<Connection>();
  #stopped = false;

  constructor({ options, registry, rooms, runtime, report }: ConnectionsOptions) {
    this.#options = options;
    this.#registry = registry;
    this.#runtime = runtime;
    this.#report = report;
    this.#pendingConnects = new PendingConnects((connection) => runtime.cut(connection));
    const { unauthenticatedConnections: most, unauthenticatedPerAddress: mostPerAddress } = options.limits;
    const isOwnParser = options.serverOptions.parser === undefined;
    this.#strangers = new Strangers({ runtime, most, mostPerAddress, isOwnParser, report });
    this.#gate = new Gate({
      find: (id) => registry.get(id),
      payloadDepth: options.limits.payloadDepth,
      patienceMs: options.authenticateTimeout,
      overflowed: (session) => this.#limit(session),
      report,
    });
    this.#deadlines = new Deadlines(options.authenticateTimeout, (connection, session) =>
      session === undefined
        ? runtime.end(connection, LAST_WORDS_MS)
        : this.#end(session, 'not authenticated in time', 'timeout'),
    );
    this.#keepAlive = new KeepAlive(options.pingInterval, (sessions) => this.#pingAll(sessions));

    const gone = (connection: Connection): void => {
      // A program that takes all listeners off a socket takes ours too, and must not keep a client that is gone.
      const session = this.#sessions.get(connection);
      if (session !== undefined) this.#forget(session, 'the connection was closed');
      this.#deadlines.stop(connection);
      this.#strangers.remove(connection);
      runtime.forget(connection);
    };
    this.#closed = function () {
      gone(this);
    };
    const requests = new RoomRequests(rooms, report);
    const of = (act: (session: Session, args: readonly unknown[]) => void): Listener =>
      function (...args) {
        const session = registry.get(this.id);
        if (session !== undefined) act(session, args);
      };
    this.#listeners = {
      disconnect: of((session, [reason]) => this.#forget(session, String(reason))),
      authenticate: of((session) => void this.#authenticate(session)),
      join: of((session, args) => requests.join(session, args)),
      leave: of((session, args) => requests.leave(session, args)),
    };
  }

  /** Before the program can listen to anything: whatever it listens to, the gate stands first. */
  attach(io: IOServer): void {
    this.#pendingConnects.attach(io.sockets);
    io.engine.on('connection', (connection: Connection) => {
      connection.on('close', this.#closed);
      this.#pendingConnects.add(connection);
      this.#strangers.add(connection);
      if (this.#stopped) connection.close();
      else this.#deadlines.of(connection);
    });
    io.on('new_namespace', (namespace) =>
      namespace.on('connect', ({ conn }) => {
        this.#pendingConnects.answered(conn, false);
        this.#elsewhere.add(conn);
        this.#strangers.admit(conn);
        this.#deadlines.spare(conn);
      }),
    );
    // `connect` comes right before `connection`.
    io.on('connect', (socket) => this.#open(socket));
  }

  /** A socket of the namespace `/` has connected. */
  #open(socket: IOSocket): void {
    // Anybody can emit this event on the server, other instances included.
    if (!(socket instanceof Socket)) return;
    this.#gate.guard(socket);
    this.#pendingConnects.answered(socket.conn, true);
    // Socket.IO makes a socket of every CONNECT that comes before the first is through. One is all that a connection gets.
    if (this.#stopped || this.#sessions.get(socket.conn)?.ended === false) {
      this.#runtime.end(socket.conn, LAST_WORDS_MS);
      return;
    }
    const session = new Session(socket, this.#deadlines.of(socket.conn));
    this.#sessions.set(socket.conn, session);
    this.#registry.add(session);
    socket.on(SocketIOConstants.EVENT_DISCONNECT, this.#listeners.disconnect);
    socket.on(SocketIOConstants.EVENT_AUTHENTICATE, this.#listeners.authenticate);
    this.#report({ type: 'client_connected', client: session.id });
  }

  /** `disconnect({ socket })`: the client stays away until it is told otherwise. */
  disconnect(socket: IOSocket): void {
    const session = this.#registry.get(socket.id);
    if (session?.socket === socket) this.#end(session, 'disconnected by the server');
    else socket.disconnect();
  }

  /** More waits for this connection than may. It is ended once what sends to it just now is done. */
  tooSlow(connection: Connection, waitingBytes: number): void {
    const client = this.#sessions.get(connection)?.id;
    this.#report({ type: 'client_too_slow', queuedBytes: waitingBytes, ...(client === undefined ? {} : { client }) });
    queueMicrotask(() => this.#runtime.end(connection, 0));
  }

  /** Stops every timer and forgets every client, without a word to them. Returns how many there were. */
  stop(): number {
    this.#stopped = true;
    this.#deadlines.stopAll();
    this.#keepAlive.stopAll();
    const sessions = [...this.#registry.sessions.values()];
    for (const session of sessions) {
      session.end();
      this.#registry.remove(session);
    }
    return sessions.length;
  }

  // Few promises on purpose: what stands here is paid for at every connection.
  async #authenticate(session: Session): Promise<void> {
    if (!session.moveTo(SocketIOClientStates.AUTHENTICATING)) return;
    const { id, socket } = session;
    this.#strangers.ask(socket.conn);
    try {
      const verdict = await this.#judge(session);
      if (verdict.accepted) {
        const standing = this.#admit(session);
        // Adapters in which membership takes a while are waited for; the others answer in the same tick.
        if (standing !== undefined) await standing;
        this.#welcome(session);
        return;
      }
      if (verdict.report !== undefined) this.#report(verdict.report);
    } catch (error) {
      this.#report({ type: 'handler_failed', where: 'admission', client: id, error });
    }
    this.#end(session, 'refused', 'refused');
  }

  #judge({ id: client, socket }: Session): Promise<AuthenticationVerdict> | AuthenticationVerdict {
    if (this.#strangers.isStripped(socket.conn)) return { accepted: false };
    const handshake = socket.handshake as IHandshake;
    // It would be handed to the program, and to other instances that ask who is here.
    const tooDeep = deeperThan(handshake.auth, this.#options.limits.payloadDepth);
    if (tooDeep) return { accepted: false, report: { type: 'event_dropped', client, reason: 'too_deep' } };
    return authenticate(client, handshake, this.#options.authenticateFn);
  }

  #admit(session: Session): Promise<void> | void {
    if (!session.moveTo(SocketIOClientStates.AUTHENTICATED)) return;
    const { id, socket } = session;
    this.#deadlines.stop(socket.conn);
    this.#strangers.admit(socket.conn);
    session.meetDeadline();
    // From here on events pass the gate, and the program has yet to say who handles them.
    if (this.#options.clientConnectedFn !== undefined) session.early = new EarlyEvents(this.#options.limits);
    this.#ping(session);
    return Membership.of(socket.nsp.adapter)?.admit(id, this.#options.defaultRooms);
  }

  #welcome(session: Session): void {
    if (session.ended) return;
    const { id, socket } = session;
    socket.on(SocketIOConstants.EVENT_JOIN, this.#listeners.join);
    socket.on(SocketIOConstants.EVENT_LEAVE, this.#listeners.leave);
    this.#keepAlive.start(session);
    const message: IAuthenticatedMessage = { id, time: new Date().toISOString() };
    this.#tell(session, SocketIOConstants.EVENT_AUTHENTICATED, message);
    this.#report({ type: 'client_authenticated', client: id });
    void this.#greet(session);
  }

  async #greet(session: Session): Promise<void> {
    const { id, socket } = session;
    try {
      const greeting = this.#options.clientConnectedFn?.({ socket });
      // In the same turn where the program has nothing to wait for.
      if (isPromiseLike(greeting)) await greeting;
    } catch (error) {
      this.#report({ type: 'handler_failed', where: 'clientConnectedFn', client: id, error });
    }
    this.#gate.flushEarlyEvents(session);
    if (!session.ended) this.#runtime.compact?.(socket.conn);
  }

  /** Ends a session from our side, once. With a code the client is told before; then its connection is closed. */
  #end(session: Session, reason: string, code?: TUnauthenticatedCode): void {
    const { id, socket } = session;
    const connection: Connection = socket.conn;
    if (!this.#forget(session, reason)) return;
    this.#deadlines.stop(connection);
    if (code !== undefined) {
      // Out of every room before it is told, so that nothing of them can come after its last words.
      Membership.of(socket.nsp.adapter)?.dismiss(id);
      const message: IUnauthenticatedMessage = {
        message: UNAUTHENTICATED_ERRORS[code].text,
        time: new Date().toISOString(),
        code,
      };
      this.#tell(session, SocketIOConstants.EVENT_UNAUTHENTICATE, message);
      this.#report({ type: 'client_refused', client: id, code });
    }
    this.#guarded('a "disconnect" listener', id, () => socket.disconnect());
    this.#runtime.end(connection, LAST_WORDS_MS);
  }

  /** The client may come back, and is told when. */
  #limit(session: Session): void {
    const { id, socket } = session;
    const message: IComeBackMessage = { after: COME_BACK_AFTER_MS };
    this.#report({ type: 'limit_reached', client: id, limit: 'held_events' });
    if (!this.#forget(session, 'limited')) return;
    this.#deadlines.stop(socket.conn);
    Membership.of(socket.nsp.adapter)?.dismiss(id);
    this.#tell(session, EVENT_LIMITED, message);
    this.#runtime.end(socket.conn, LAST_WORDS_MS);
  }

  #forget(session: Session, reason: string): boolean {
    const { conn } = session.socket;
    if (!session.end()) return false;
    // It has left what it was let into: for coming back it has the time that everybody has.
    if (conn.readyState === 'open' && !this.#elsewhere.has(conn)) this.#deadlines.of(conn);
    this.#registry.remove(session);
    this.#keepAlive.stop(session);
    this.#report({ type: 'client_disconnected', client: session.id, reason });
    return true;
  }

  #ping(session: Session): void {
    const message: IPingMessage = { time: new Date().toISOString() };
    this.#tell(session, SocketIOConstants.EVENT_PING, message);
  }

  #pingAll(sessions: readonly Session[]): void {
    const [first] = sessions;
    if (first === undefined) return;
    const message: IPingMessage = { time: new Date().toISOString() };
    const sockets = sessions.map(({ socket }) => socket);
    const isTold = Broadcasts.of(first.socket.nsp.adapter)?.tell(sockets, [SocketIOConstants.EVENT_PING, message]);
    if (isTold !== true) for (const session of sessions) this.#ping(session);
  }

  /** Straight to this very socket: a client's own answer never travels through Redis. */
  #tell({ id, socket }: Session, event: string, message: object): void {
    this.#guarded('an outgoing listener', id, () => socket.emit(event, message));
  }

  /** Runs what may call listeners of the program. */
  #guarded(where: string, client: string, act: () => unknown): void {
    try {
      act();
    } catch (error) {
      this.#report({ type: 'handler_failed', where, client, error });
    }
  }
}

function isPromiseLike(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value;
}
