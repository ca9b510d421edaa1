import type { AuthenticationState } from './authentication-state.js';
import type { Connection } from './connection.js';
import type { OutboundPort } from './outbound.js';
import type { RoomsPort } from './rooms.js';
import type { Status } from './status.js';

/** The parts of a client that are made after its port, or change. */
interface ClientParts {
  readonly connection: Connection;
  readonly state: AuthenticationState;
  readonly status: Status;
  /** Whether the client is authenticated, and not yet in its rooms again. */
  readonly isRejoining: boolean;
}

/** The part of a client that rooms, messages and requests use. */
export function portOf(client: ClientParts): RoomsPort & OutboundPort {
  return {
    get connected() {
      return client.connection.connected;
    },
    get state() {
      return client.state.current;
    },
    get ready() {
      return client.state.authenticated && !client.isRejoining;
    },
    get canBecomeReady() {
      return !client.status.hasEnded;
    },
    get status() {
      return client.status.current.status;
    },
    get isShutDown() {
      return client.status.isShutDown;
    },
    emit: (...args) => client.connection.emit(...args),
    ask: (...args) => client.connection.ask(...args),
  };
}
