import { SocketIOClientStates, type TSocketIOClientState } from '../protocol/states.js';

/** The authentication state of this client. Only this class changes it. */
export class AuthenticationState {
  #state: TSocketIOClientState = SocketIOClientStates.UNAUTHORIZED;

  get current(): TSocketIOClientState {
    return this.#state;
  }

  get authenticated(): boolean {
    return this.#state === SocketIOClientStates.AUTHENTICATED;
  }

  /** Returns whether `authenticate` may be emitted now. If so, the client is authenticating from now on. */
  beginAuthentication(): boolean {
    if (this.#state !== SocketIOClientStates.UNAUTHORIZED) return false;
    this.#state = SocketIOClientStates.AUTHENTICATING;
    return true;
  }

  /** Returns false if it is authenticated already. Allowed from `unauthorized` too: the program may have used the raw socket. */
  enter(): boolean {
    if (this.authenticated) return false;
    this.#state = SocketIOClientStates.AUTHENTICATED;
    return true;
  }

  end(): void {
    this.#state = SocketIOClientStates.UNAUTHORIZED;
  }
}
