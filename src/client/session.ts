import { SocketIOClientStates, type TSocketIOClientState } from '../protocol/states.js';
import type { Log } from './log.js';
import type { ISocketIOClientOptions } from './options.js';

/** How far this client is, and the program's callbacks. The state has changed by the time that a callback runs. */
export class Session {
  readonly #callbacks: ISocketIOClientOptions;
  readonly #log: Log;
  #state: TSocketIOClientState = SocketIOClientStates.UNAUTHORIZED;

  constructor(callbacks: ISocketIOClientOptions, log: Log) {
    this.#callbacks = callbacks;
    this.#log = log;
  }

  get state(): TSocketIOClientState {
    return this.#state;
  }

  /** Whether `authenticate` may be emitted now; from here on it is under way. */
  beginAuthentication(): boolean {
    if (this.#state !== SocketIOClientStates.UNAUTHORIZED) return false;
    this.#state = SocketIOClientStates.AUTHENTICATING;
    return true;
  }

  connected(): void {
    this.#log.write('info', 'connected');
    void this.#log.run('onConnected', () => this.#callbacks.onConnected?.());
  }

  disconnected(reason: string): void {
    this.end();
    this.#log.write('info', `disconnected: ${reason}`);
    void this.#log.run('onDisconnected', () => this.#callbacks.onDisconnected?.(reason));
  }

  failed(error: Error): void {
    const { onError } = this.#callbacks;
    this.#log.write(onError ? 'debug' : 'warn', `connecting failed: ${error.message}`);
    void this.#log.run('onError', () => onError?.(error));
  }

  /** Also from `unauthorized`: the program may have emitted `authenticate` on the raw socket. */
  authenticated(): void {
    if (this.#state === SocketIOClientStates.AUTHENTICATED) return;
    this.#state = SocketIOClientStates.AUTHENTICATED;
    this.#log.write('info', 'authenticated');
    void this.#log.run('onAuthenticated', () => this.#callbacks.onAuthenticated?.());
  }

  unauthenticated(payload: unknown): void {
    this.end();
    this.#log.write('info', 'unauthenticated');
    void this.#log.run('onUnauthenticated', () => this.#callbacks.onUnauthenticated?.(messageOf(payload)));
  }

  /** Back to `unauthorized`, without a callback. */
  end(): void {
    this.#state = SocketIOClientStates.UNAUTHORIZED;
  }
}

function messageOf(payload: unknown): string {
  if (typeof payload !== 'object' || payload === null) return '';
  const { message } = payload as { message?: unknown };
  return typeof message === 'string' ? message : '';
}
