import { shown } from '../common/log-text.js';
import { RoomgateError } from '../protocol/errors.js';
import { SocketIOConstants } from '../protocol/events.js';
import { SocketIOClientStates } from '../protocol/states.js';
import type { Access } from './access.js';
import type { AuthenticationState } from './authentication-state.js';
import type { Connection } from './connection.js';
import type { Ending } from './ending.js';
import type { Log } from './log.js';
import type { ISocketIOClientOptions } from './options.js';
import type { Outbound } from './outbound.js';
import type { ISocketIOClientStatus, Status } from './status.js';
import { Timer } from './timer.js';
import { readUnauthenticated } from './unauthenticated.js';

/** How long a server that refused this client may take to close the connection. After that the client closes it. */
const END_TIMEOUT_MS = 5_000;

/** After this time, an authenticated client counts as settled: the next delay before reconnecting is short again. */
const SETTLED_AFTER_MS = 10_000;

const NEVER_ASKED =
  'the server disconnects this client, because it never called authenticate(). Set "credentials" or "autoAuthenticate", or call it';

export interface AuthenticationParts {
  readonly connection: Connection;
  readonly state: AuthenticationState;
  readonly status: Status;
  readonly outbound: Outbound;
  readonly access: Access;
  /** Whether this client authenticates automatically, and so also after a reconnect. */
  readonly isAutomatic: boolean;
  /** Milliseconds to wait for the server's answer. */
  readonly answerMs: number;
  readonly options: Pick<ISocketIOClientOptions, 'onUnauthenticated'>;
  readonly log: Log;
  readonly failed: (error: Error) => void;
  /** The server's refusal is final. */
  readonly ended: (more: Omit<ISocketIOClientStatus, 'status'>) => void;
}

/** Asks the server to authenticate this client, waits for the answer, and decides what a refusal leads to. */
export class Authentication {
  /** What the end of the connection leads to, if that is known before. */
  ending: Ending | undefined;
  readonly #parts: AuthenticationParts;
  /** Ends the wait for the server's verdict, and after a refusal the wait for its disconnect. */
  readonly #serverTimer = new Timer();
  /** Runs until this client counts as settled. */
  readonly #settling = new Timer();

  constructor(parts: AuthenticationParts) {
    this.#parts = parts;
  }

  /** Sends `authenticate`. Returns false if it can't now. */
  begin(): boolean {
    const { connection, state, status, outbound, answerMs } = this.#parts;
    if (!connection.connected || !state.beginAuthentication()) return false;
    this.ending = undefined;
    status.set('authenticating');
    // A listener of the status may have disconnected.
    if (state.current !== SocketIOClientStates.AUTHENTICATING) return true;
    this.#serverTimer.start(answerMs, () => this.#unanswered());
    this.#settling.stop();
    connection.emit(SocketIOConstants.EVENT_AUTHENTICATE, []);
    outbound.authenticating(connection.socket);
    return true;
  }

  /** The server answered. Returns false if this client is authenticated already, or was refused before. */
  accepted(): boolean {
    if (this.ending !== undefined) return false;
    this.#serverTimer.stop();
    return this.#parts.state.enter();
  }

  /** Counts this client as settled once it has stayed for a while: a server may accept it and fail right after that. */
  settle(): void {
    const { connection, outbound } = this.#parts;
    this.#settling.startUnref(SETTLED_AFTER_MS, () => {
      connection.succeeded();
      outbound.settle();
    });
  }

  /** The connection has ended. */
  stop(): void {
    this.#serverTimer.stop();
    this.#settling.stop();
    this.#parts.state.end();
  }

  refused(payload: unknown): void {
    // Only the first message counts, so that a server can't fill the log by repeating it.
    if (this.ending !== undefined) return;
    const { connection, state, status, outbound, access, isAutomatic, options, log, ended } = this.#parts;
    const refusal = readUnauthenticated(payload);
    const { message, code, after, handled, isTemporary } = refusal;
    const mayReturn = access.end(refusal) && isAutomatic;
    if (code === 'timeout' && state.current === SocketIOClientStates.UNAUTHORIZED) log.write('warn', NEVER_ASKED);
    this.#serverTimer.start(END_TIMEOUT_MS, () => this.#endRefused());
    state.end();
    log.write('info', `unauthenticated: ${shown(code)}`);
    this.ending = isTemporary || mayReturn ? 'reconnect' : 'stay ended';
    if (isTemporary) {
      connection.notSooner(after);
      outbound.takeBack(handled);
      status.set('waiting', { code, message });
    } else if (mayReturn) status.set('waiting', { message });
    else ended({ code, message });
    void log.run('onUnauthenticated', () => options.onUnauthenticated?.(message));
  }

  /** The server refused this client and does not close the connection. */
  #endRefused(): void {
    const { connection } = this.#parts;
    if (!connection.connected || this.ending === undefined) return;
    if (this.ending === 'reconnect') this.ending = 'retry';
    connection.disconnect();
  }

  /** The server never answered: it may be stalled, or have no gate at this namespace. */
  #unanswered(): void {
    const { connection, state, answerMs, failed } = this.#parts;
    const error = new RoomgateError(
      'timed_out',
      `authenticate() timed out after ${answerMs} ms: the server did not answer. ` +
        'Check that the namespace in "host" is one that the server authenticates.',
    );
    failed(error);
    if (state.current !== SocketIOClientStates.AUTHENTICATING) return;
    this.ending = connection.reconnects ? 'retry' : undefined;
    connection.disconnect();
  }
}
