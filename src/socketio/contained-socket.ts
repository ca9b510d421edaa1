import type { Namespace, Server, Socket } from 'socket.io';
import type { Packet } from 'socket.io-parser';
import { containBroadcasts } from './contained-broadcasts.js';
import { call, callAll, type Failed, type Failure, type Listener } from './contained-calls.js';
import { addAgain, containMiddleware, containPatterns, IO_USE, unavailable } from './contained-namespace.js';
import { Socket as PlainSocket } from './packages.js';
import { makeSocketIds, type SocketClass } from './socket-io.js';

export interface ContainmentParts {
  /** Called with each event after the middleware of its socket, before the listeners of the program. Never throws. */
  readonly handle: (socket: Pick<Socket, 'id'>, event: readonly unknown[]) => void;
  /** Called with an event that goes no further, because middleware of its socket failed. */
  readonly middlewareFailed: (socket: Pick<Socket, 'id'>, event: readonly unknown[]) => void;
  /** Called with an event that goes no further, because middleware of its socket passed this error to `next()`. Never throws. */
  readonly middlewareRefused: (socket: Pick<Socket, 'id'>, event: readonly unknown[], error: unknown) => void;
  /** Code of the program failed. Without it errors go Socket.IO's own way, which ends the process. */
  readonly failed: ((failure: Failure) => void) | undefined;
}

type Next = (error?: unknown) => void;
type Event = unknown[];
/** The private members of a socket of Socket.IO that are replaced or used. */
interface Inside {
  /** Receives each packet of an event: calls the listeners of `onAny`, then `dispatch`. */
  onevent(packet: Packet): void;
  /** Runs the middleware, then calls the listeners. */
  dispatch(event: Event): void;
  /** Runs the middleware. */
  run(event: Event, done: Next): void;
  /** The middleware. */
  readonly fns: readonly Listener[];
  /** Makes an acknowledgement. */
  ack(id: number): Listener;
  /** Tells the client why middleware of its namespace refused it. */
  _error(refusal: unknown): void;
  /** Tells the listeners of `error` what middleware passed to `next()`. */
  _onerror(error: unknown): void;
  /** Calls the listeners of an event. */
  emitUntyped(...event: Event): boolean;
  /** Calls the listeners of Socket.IO's own events, such as `disconnect`. */
  emitReserved(name: string, ...args: unknown[]): boolean;
  /** Remembers the callback that gets the client's answer. */
  registerAckCallback(id: number, callback: Listener): void;
  /** Calls the listeners of `onAnyOutgoing`. */
  notifyOutgoingListeners(packet: { readonly data?: unknown }): void;
}
/** With the public members in use. TypeScript refuses to mix them with private ones of the same class. */
type Inner = Inside &
  Pick<Socket, 'id' | 'conn' | 'connected' | 'rawListeners' | 'listenersAny' | 'listenersAnyOutgoing'>;
type Members = Partial<Inside> & ThisType<Inner>;

const PLAIN = PlainSocket.prototype as unknown as Inside;

/**
 * Contains the handlers that a program registers on sockets: what one of them throws, or rejects with, is reported. It neither ends the
 * process nor keeps the other listeners from running. All sockets share one prototype, so none needs memory of its own for it.
 */
export class Containment {
  readonly #failed: ContainmentParts['failed'];
  /** The class of all contained sockets. */
  readonly Socket: SocketClass;

  constructor(parts: ContainmentParts) {
    const { failed, ...others } = parts;
    const members = failed === undefined ? dispatching(others) : containing({ ...others, failed });
    this.#failed = failed;
    // A class of its own. If the prototype of sockets were replaced, V8 would keep a hidden class for each of them: 0.6 KB.
    this.Socket = class Socket extends PlainSocket {};
    Object.defineProperties(this.Socket.prototype, Object.getOwnPropertyDescriptors(members));
  }

  /** Contains the same in each namespace that the program makes from now on, where `handle()` gets no events. */
  guardOthers(io: Server): void {
    const failed = this.#failed;
    if (failed === undefined) return;
    const { Socket: Made } = new Containment({
      ...{ handle: () => {}, middlewareFailed: () => {}, middlewareRefused: () => {} },
      failed,
    });
    io.on('new_namespace', (other) => {
      makeSocketIds(other, ({ id }) => id, Made);
      this.guard(other);
      addAgain(other);
    });
    containPatterns(io, failed);
  }

  /** Contains the listeners and the middleware of a namespace. Call it before the program can add any. */
  guard(namespace: Namespace): void {
    const failed = this.#failed;
    if (failed === undefined) return;
    containMiddleware(namespace, failed);
    const ofAnswers: Failed = (error) => failed({ where: 'an acknowledgement callback', error });
    containBroadcasts(namespace, (callback) => {
      return (...answer) => call(callback, undefined, answer, ofAnswers);
    });
    const inside = namespace as unknown as Partial<Inside>;
    if (typeof inside.emitReserved !== 'function') return;
    inside.emitReserved = (name, ...args) => {
      const [socket] = args;
      const about = socket instanceof PlainSocket ? { client: socket.id } : {};
      const fail: Failed = (error) => failed({ where: `a listener of "${name}"`, ...about, error });
      return callAll(namespace.rawListeners(name as 'connection'), namespace, args, fail);
    };
  }
}

type Handle = Omit<ContainmentParts, 'failed'>;
interface Parts extends Handle {
  readonly failed: (failure: Failure) => void;
}

/** Events reach `handle()`, and errors of other handlers go Socket.IO's own way. */
function dispatching({ handle, middlewareRefused }: Handle): Members {
  return {
    dispatch(event) {
      this.run(event, (error) => {
        process.nextTick(() => {
          if (error) {
            // First, because a listener may throw.
            middlewareRefused(this, event, error);
            this._onerror(error);
          } else if (this.connected) {
            handle(this, event);
            this.emitUntyped(...event);
          }
        });
      });
    },
  };
}

/** The members of Socket.IO, with each call of the program contained. Their order and their ticks are the same. */
function containing(parts: Parts): Members {
  const { failed } = parts;
  const deliver = (socket: Inner, event: Event): void => {
    // The getter of `outgoing-packets.ts` ends an access that has expired.
    if (!socket.connected) return;
    parts.handle(socket, event);
    const topic = event[0] as string;
    const listeners = socket.rawListeners(topic);
    if (listeners.length === 0) return;
    const { id: client } = socket;
    callAll(listeners, socket, event.slice(1), (error) =>
      failed({ where: `a listener of "${topic}"`, client, topic, error }),
    );
  };
  const refuse = (socket: Inner, event: Event, error: unknown): void => {
    parts.middlewareRefused(socket, event, error);
    socket._onerror(error);
  };
  return {
    onevent(packet) {
      const event: Event = Array.isArray(packet.data) ? packet.data : [];
      if (packet.id !== undefined && packet.id !== null) event.push(this.ack(packet.id));
      const listeners = this.listenersAny();
      if (listeners.length > 0) callAll([...listeners], this, event, at(parts, this, 'a listener of onAny()'));
      this.dispatch(event);
    },
    dispatch(event) {
      // Nearly always. Nothing is made for an event then.
      if (this.fns.length === 0) process.nextTick(deliver, this, event);
      else {
        this.run(event, (error) => {
          if (error) process.nextTick(refuse, this, event, error);
          else process.nextTick(deliver, this, event);
        });
      }
    },
    run(event, done) {
      if (this.fns.length === 0) done();
      else runMiddleware(this, event, done, parts);
    },
    ...listening(parts),
  };
}

/** Members without which Socket.IO would never call ours, so that the others still work. */
function listening(parts: Parts): Members {
  const { emitReserved, registerAckCallback, notifyOutgoingListeners, _error }: Partial<Inside> = PLAIN;
  const members: Members = {};
  if (_error !== undefined) {
    // Called in a tick of its own, where data that can't be encoded would end the process.
    members._error = function (this: Inner, refusal) {
      try {
        _error.call(this, refusal);
      } catch (error) {
        at(parts, this, IO_USE)(error);
        const { message, data } = unavailable();
        _error.call(this, this.conn.protocol === 3 ? data : { message, data });
      }
    };
  }
  if (emitReserved !== undefined) {
    members.emitReserved = function (this: Inner, name, ...args) {
      const where = name === 'error' ? 'an "error" listener' : `a "${name}" listener`;
      return callAll(this.rawListeners(name), this, args, at(parts, this, where));
    };
  }
  if (registerAckCallback !== undefined) {
    members.registerAckCallback = function (this: Inner, id, callback) {
      const fail = at(parts, this, 'an acknowledgement callback');
      registerAckCallback.call(this, id, (...answer) => call(callback, this, answer, fail));
    };
  }
  if (notifyOutgoingListeners !== undefined) {
    members.notifyOutgoingListeners = function (this: Inner, { data }) {
      const listeners = this.listenersAnyOutgoing();
      if (listeners.length === 0) return;
      callAll([...listeners], this, Array.isArray(data) ? data : [], at(parts, this, 'an outgoing listener'));
    };
  }
  return members;
}

/** An event goes no further once a middleware has failed, unless that called `next()` before. */
function runMiddleware(socket: Inner, event: Event, done: Next, parts: Parts): void {
  const { fns } = socket;
  const steps = [...fns];
  const fail = at(parts, socket, 'a middleware of socket.use()');
  const run = (index: number): void => {
    const step = steps[index];
    if (step === undefined) {
      done();
      return;
    }
    let isPassed = false;
    const next: Next = (error) => {
      isPassed = true;
      if (error) done(error);
      else run(index + 1);
    };
    call(step, undefined, [event, next], (error) => {
      fail(error);
      if (!isPassed) parts.middlewareFailed(socket, event);
    });
  };
  run(0);
}

function at({ failed }: Parts, { id: client }: Inner, where: string): Failed {
  return (error) => failed({ where, client, error });
}
