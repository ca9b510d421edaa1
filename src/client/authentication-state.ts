import { SocketIOClientStates, type TSocketIOClientState } from '../protocol/states.js';

/** How far this client is. The only place where that changes. */
export class AuthenticationState {
  #state: TSocketIOClientState = SocketIOClientStates.UNAUTHORIZED;

  get current(): TSocketIOClientState {
    return this.#state;
  }

  get authenticated(): boolean {
    return this.#state === SocketIOClientStates.AUTHENTICATED;
  }

  /** Whether `authenticate` may be emitted now; from here on it is under way. */
  beginAuthentication(): boolean {
    if (this.#state !== SocketIOClientStates.UNAUTHORIZED) return false;
    this.#state = SocketIOClientStates.AUTHENTICATING;
    return true;
  }

  /** False where it is so already. Also from `unauthorized`: the program may have emitted `authenticate` on the raw socket. */
  enter(): boolean {
    if (this.authenticated) return false;
    this.#state = SocketIOClientStates.AUTHENTICATED;
    return true;
  }

  end(): void {
    this.#state = SocketIOClientStates.UNAUTHORIZED;
  }
}
