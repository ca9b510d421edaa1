import type { Socket } from 'socket.io-client';
import { isRecord } from '../common/checks.js';
import { RoomgateError } from '../protocol/errors.js';
import type { ConnectionEvents } from './connection-events.js';
import type { CredentialsReader } from './credentials.js';
import type { SharedManager } from './manager.js';
import { cut, isOpen } from './socket-io.js';
import { Timer } from './timer.js';

export interface HandshakeParts {
  readonly manager: SharedManager;
  readonly socket: Socket;
  readonly namespace: string;
  readonly credentials: CredentialsReader;
  readonly events: ConnectionEvents;
  /** Begins another attempt after a delay, if the program wants to reconnect. */
  readonly retry: () => void;
}

/** The request for a namespace: the credentials that it carries, and the deadline for the server's answer, which Socket.IO lacks. */
export class Handshake {
  readonly #parts: HandshakeParts;
  readonly #deadline = new Timer();
  #hasSucceeded = false;

  constructor(parts: HandshakeParts) {
    this.#parts = parts;
  }

  /** The program wants to connect: what was before does not count. */
  begin(): void {
    this.#hasSucceeded = false;
  }

  succeeded(): void {
    this.#deadline.stop();
    this.#hasSucceeded = true;
  }

  /** The request has ended. */
  stop(): void {
    this.#deadline.stop();
  }

  /** Socket.IO asks for credentials once a transport is open. From then on the server's deadline runs. */
  async present(send: (auth: object) => void): Promise<void> {
    const { manager, socket, credentials, events, retry } = this.#parts;
    const { engine } = manager;
    const read = await credentials.read(this.#hasSucceeded ? 'reconnect' : 'connect');
    if (read === undefined) return;
    const { given, isAbandoned } = read;
    const isStale = (): boolean => isAbandoned() || !socket.active || manager.engine !== engine || !isOpen(manager);
    if (isStale()) return;
    if (isRecord(given) && !(given instanceof Error)) {
      credentials.sent(given);
      send(given);
      return;
    }
    this.#deadline.stop();
    if (given === null || given === 'refused') {
      events.withoutCredentials(given);
      return;
    }
    events.failed(given);
    if (isStale()) return;
    // Without credentials the server would wait in vain. Other namespaces keep the connection.
    socket.disconnect();
    retry();
  }

  /** Starts a timeout for the server's answer and the program's credentials. */
  awaitAnswer(): void {
    const { socket, manager } = this.#parts;
    const timeoutMs = manager.timeout();
    const isAsked = socket.active && !socket.connected && isOpen(manager);
    if (!isAsked || this.#deadline.isRunning || typeof timeoutMs !== 'number') return;
    this.#deadline.start(timeoutMs, () => this.#unanswered(timeoutMs));
  }

  #unanswered(timeoutMs: number): void {
    const { socket, manager, credentials, events, namespace, retry } = this.#parts;
    const what = credentials.isReading
      ? 'the credentials did not arrive'
      : `the server did not answer the request for namespace "${namespace}"`;
    events.failed(new RoomgateError('timed_out', `connect(): ${what} within ${timeoutMs} ms.`));
    if (!socket.active || socket.connected) return;
    if (credentials.isReading || !manager.reconnection()) {
      credentials.abandon();
      socket.disconnect();
      retry();
      return;
    }
    // A second request on this connection would make the server end it. So the next request needs a new connection, and this one
    // is closed unless other namespaces are connected over it.
    const isUsedByOthers = [...manager.members].some((member) => member.socket.connected);
    if (!isUsedByOthers) cut(manager.engine);
    else {
      events.waiting(Date.now() + timeoutMs);
      this.awaitAnswer();
    }
  }
}
