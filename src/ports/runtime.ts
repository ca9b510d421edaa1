import type { Server, ServerOptions } from 'socket.io';
import type { Wire } from './wire.js';

/** How connections and servers end on a runtime, and what bounds their peers. */
export interface Runtime {
  /** Closes a wire once what is queued for it was sent, and cuts it where its peer doesn't let that happen in time. */
  end(wire: Wire, graceMs: number): void;
  /** Closes a wire at once, whatever waits to be sent or to be read. */
  cut(wire: Wire): void;
  /** Sets the limits of a peer that is not authenticated. `dropped` is called with the first characters of each message
   * that was too large, undefined where it was binary. */
  limit(wire: Wire, dropped: (start: string | undefined) => void): void;
  /** The limits do not hold any more. */
  lift(wire: Wire): void;
  /** Drops what nobody needs of a wire whose client is authenticated, and whose handlers are there. */
  compact?(wire: Wire): void;
  /** Drops what is still held of a wire that is gone. */
  forget(wire: Wire): void;
  /** No new connection is accepted from here on. Resolves once the last one that stands has ended. Never rejects. */
  stopAccepting(): Promise<void>;
  /** Closes every wire that still stands. */
  closeAll(): void;
  /** Ends at once, whatever its peer does, every wire that stood when accepting stopped. */
  cutAll(): void;
}

/** A Socket.IO server, and the patcher of its engine, which makes the wires. */
export interface Attached<Engine> {
  readonly io: Server;
  readonly engine: Engine;
}

/** A runtime whose Socket.IO server is not born yet. */
export interface EngineRuntime<Engine> extends Runtime {
  /** Creates the Socket.IO server and attaches it. */
  attach(serverOptions: Partial<ServerOptions>): Attached<Engine>;
}
