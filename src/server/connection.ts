import { Socket } from 'socket.io';
import { type TUnauthenticatedCode, UNAUTHENTICATED_ERRORS } from '../protocol/errors.js';
import { SocketIOConstants } from '../protocol/events.js';
import type {
  IAuthenticatedMessage,
  IJoinAnswer,
  ILeaveAnswer,
  IPingMessage,
  IUnauthenticatedMessage,
} from '../protocol/messages.js';
import { SocketIOClientStates } from '../protocol/states.js';
import { Membership } from './adapter.js';
import { authenticate, type TAuthenticationVerdict } from './authentication.js';
import { Deadlines } from './deadlines.js';
import { deeperThan } from './depth.js';
import { Gate } from './gate.js';
import { KeepAlive } from './keep-alive.js';
import type { IHandshake, IResolvedOptions } from './options.js';
import { PendingConnects } from './pending-connects.js';
import type { IConnection, IRuntime, TReporter } from './ports.js';
import type { Registry } from './registry.js';
import { readRequest } from './request.js';
import type { IRoomsVerdict, Rooms } from './rooms.js';
import { Session } from './session.js';
import type { IOServer, IOSocket } from './types.js';

/** How long the peer of a connection that is being ended may take to fetch its last words. */
const LAST_WORDS_MS = 5_000;

export interface IConnectionsOptions {
  readonly options: IResolvedOptions;
  readonly registry: Registry;
  readonly rooms: Rooms;
  readonly runtime: IRuntime;
  readonly report: TReporter;
}

type TListener = (this: IOSocket, ...args: unknown[]) => void;

/**
 * What clients cause, from their connection to their end. The only `socket.on`: each event goes to one flow, and the
 * verdict is performed here.
 *
 *   connect ──► unauthorized ──authenticate──► authenticating ──true──► authenticated ──┐
 *                    │                               │ otherwise                        │
 *                    └────────── deadline ───────────┴──────► told, ended ◄── disconnect┘
 */
export class Connections {
  readonly #options: IResolvedOptions;
  readonly #registry: Registry;
  readonly #rooms: Rooms;
  readonly #runtime: IRuntime;
  readonly #report: TReporter;
  readonly #gate: Gate;
  readonly #deadlines: Deadlines;
  readonly #keepAlive: KeepAlive;
  // One listener for all sockets, as with the gate: Socket.IO calls it with the socket as `this`.
  readonly #listeners: Readonly<Record<'disconnect' | 'authenticate' | 'join' | 'leave', TListener>>;
  readonly #pendingConnects = new PendingConnects();
  readonly #closed: (this: IConnection) => void;
  readonly #sessions = new WeakMap<IConnection, Session>();
  /** Connections that are used for namespaces of the program's own, which may be all that they are kept for. */
  readonly #elsewhere = new WeakSet<IConnection>();
  #stopped = false;

  constructor({ options, registry, rooms, runtime, report }: IConnectionsOptions) {
    this.#options = options;
    this.#registry = registry;
    this.#rooms = rooms;
    this.#runtime = runtime;
    this.#report = report;
    this.#gate = new Gate({ find: (id) => registry.get(id), payloadDepth: options.limits.payloadDepth, report });
    this.#deadlines = new Deadlines(options.authenticateTimeout, (connection, session) =>
      session === undefined
        ? runtime.end(connection, LAST_WORDS_MS)
        : this.#end(session, 'not authenticated in time', 'timeout'),
    );
    this.#keepAlive = new KeepAlive(options.pingInterval, (session) => this.#ping(session));

    const gone = (connection: IConnection): void => {
      // A program that takes all listeners off a socket takes ours too, and must not keep a client that is gone.
      const session = this.#sessions.get(connection);
      if (session !== undefined) this.#forget(session, 'the connection was closed');
      this.#deadlines.stop(connection);
      runtime.release(connection);
    };
    this.#closed = function () {
      gone(this);
    };
    const of = (act: (session: Session, args: readonly unknown[]) => void): TListener =>
      function (...args) {
        const session = registry.get(this.id);
        if (session !== undefined) act(session, args);
      };
    this.#listeners = {
      disconnect: of((session, [reason]) => this.#forget(session, String(reason))),
      authenticate: of((session) => void this.#authenticate(session)),
      join: of((session, args) => this.#join(session, args)),
      leave: of((session, args) => this.#leave(session, args)),
    };
  }

  /** Before the program can listen to anything: whatever it listens to, the gate stands first. */
  watch(io: IOServer): void {
    io.engine.on('connection', (connection: IConnection) => {
      connection.on('close', this.#closed);
      this.#pendingConnects.watch(connection);
      if (this.#stopped) connection.close();
      else this.#deadlines.of(connection);
    });
    io.on('new_namespace', (namespace) =>
      namespace.on('connect', ({ conn }) => {
        this.#pendingConnects.settle(conn);
        this.#elsewhere.add(conn);
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
    this.#pendingConnects.settle(socket.conn);
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
    try {
      const verdict = await this.#judge(id, socket.handshake as IHandshake);
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

  #judge(client: string, handshake: IHandshake): Promise<TAuthenticationVerdict> | TAuthenticationVerdict {
    // It would be handed to the program, and to other instances that ask who is here.
    const tooDeep = deeperThan(handshake.auth, this.#options.limits.payloadDepth);
    if (tooDeep) return { accepted: false, report: { type: 'event_dropped', client, why: 'too_deep' } };
    return authenticate(client, handshake, this.#options.authenticateFn);
  }

  #admit(session: Session): Promise<void> | void {
    if (!session.moveTo(SocketIOClientStates.AUTHENTICATED)) return;
    const { id, socket } = session;
    this.#deadlines.stop(socket.conn);
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
    if (this.#options.clientConnectedFn !== undefined) void this.#greet(session);
  }

  async #greet({ id, socket }: Session): Promise<void> {
    try {
      await this.#options.clientConnectedFn?.({ socket });
    } catch (error) {
      this.#report({ type: 'handler_failed', where: 'clientConnectedFn', client: id, error });
    }
  }

  #join(session: Session, args: readonly unknown[]): void {
    const { payload, acknowledge } = readRequest(args);
    this.#perform(session, 'join', this.#rooms.decideJoin(session, payload), async ({ granted, refused }) => {
      if (granted.length > 0) await session.socket.join([...granted]);
      if (granted.length > 0) this.#report({ type: 'rooms_joined', client: session.id, rooms: granted });
      acknowledge({ joined: [...granted], refused: [...refused] } satisfies IJoinAnswer);
    });
  }

  #leave(session: Session, args: readonly unknown[]): void {
    const { payload, acknowledge } = readRequest(args);
    this.#perform(session, 'leave', this.#rooms.decideLeave(session, payload), async ({ granted, refused }) => {
      for (const room of granted) await session.socket.leave(room);
      if (granted.length > 0) this.#report({ type: 'rooms_left', client: session.id, rooms: granted });
      acknowledge({ left: [...granted], refused: [...refused] } satisfies ILeaveAnswer);
    });
  }

  #perform(
    session: Session,
    where: string,
    deciding: Promise<IRoomsVerdict>,
    act: (verdict: IRoomsVerdict) => Promise<void>,
  ): void {
    deciding
      .then(async (verdict) => {
        if (session.ended) return;
        const codes = [...new Set(verdict.refused.map(({ code }) => code))];
        if (codes.length > 0) this.#report({ type: 'rooms_refused', client: session.id, codes });
        await act(verdict);
      })
      .catch((error: unknown) => this.#report({ type: 'handler_failed', where, client: session.id, error }));
  }

  /** Ends a session from our side, once. With a code the client is told before; then its connection is closed. */
  #end(session: Session, reason: string, code?: TUnauthenticatedCode): void {
    const { id, socket } = session;
    const connection: IConnection = socket.conn;
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

  #forget(session: Session, reason: string): boolean {
    const { conn } = session.socket;
    if (!session.end()) return false;
    // It has left what it was let into: for coming back it has the time that everybody has.
    if (conn.readyState === 'open' && !this.#elsewhere.has(conn)) this.#deadlines.of(conn);
    this.#registry.remove(session);
    this.#keepAlive.stop(session);
    this.#report({ type: 'client_ended', client: session.id, reason });
    return true;
  }

  #ping(session: Session): void {
    const message: IPingMessage = { time: new Date().toISOString() };
    this.#tell(session, SocketIOConstants.EVENT_PING, message);
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
