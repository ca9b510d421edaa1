import type { Server, ServerOptions } from 'socket.io';
import type { Connection } from './connection.js';

/** How a Socket.IO server is born on a runtime, and how connections and servers end there. */
export interface Runtime {
  /** Creates the Socket.IO server and attaches it. */
  attach(serverOptions: Partial<ServerOptions>): Server;
  /** Closes a connection once what is queued for it was sent, and cuts it where its peer doesn't let that happen in time. */
  end(connection: Connection, graceMs: number): void;
  /** Closes a connection at once, whatever waits to be sent or to be read. */
  cut(connection: Connection): void;
  /** Sets the limits of a peer that is not authenticated. `dropped` is called with the first characters of each message
   * that was too large, undefined where it was binary. */
  limit(connection: Connection, dropped: (start: string | undefined) => void): void;
  /** The limits do not hold any more. */
  lift(connection: Connection): void;
  /** Frees the memory of a connection that nobody needs once its client is authenticated and its handlers are there. */
  compact?(connection: Connection): void;
  /** Forgets a connection that is gone. */
  forget(connection: Connection): void;
  /** No new connection is accepted from here on. Resolves once the last one that stands has ended. Never rejects. */
  stopAccepting(): Promise<void>;
  /** Closes every connection that still stands. */
  closeAll(): void;
  /** Ends at once, whatever its peer does, every connection that stood when accepting stopped. */
  cutAll(): void;
}
