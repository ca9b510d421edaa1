import type { IncomingHttpHeaders } from 'node:http';
import type { Server, ServerOptions } from 'socket.io';
import type { Wire } from './wire.js';

/** Ends connections and servers on a runtime, and limits peers. */
export interface Runtime {
  /** Closes a wire after its queue was sent, and cuts it if that takes longer than `graceMs`. */
  end(wire: Wire, graceMs: number): void;
  /** Closes a wire immediately, even if packets are queued or unread. */
  cut(wire: Wire): void;
  /** Ends a wire immediately, and drops the bytes that its peer has not read, as far as the system allows. */
  abandon(wire: Wire): void;
  /**
   * Sets the limits of a peer that is not authenticated. `dropped` is called with the first characters of each message that was
   * too large; undefined for a binary one.
   */
  limit(wire: Wire, dropped: (start: string | undefined) => void): void;
  /** Ends the limits, when the peer is authenticated. */
  lift(wire: Wire): void;
  /** Passes on nothing that the peer sends for this many milliseconds. The later end of two calls counts. */
  delay?(wire: Wire, ms: number): void;
  /** Since when the rate of its messages delays a wire's client, by `performance.now()`; undefined if it does not. */
  delayedSince?(wire: Wire): number | undefined;
  /** Frees memory of a wire that nothing uses once its client is authenticated and the program's handlers are registered. */
  compact?(wire: Wire): void;
  /** Frees the state of a wire that is gone. */
  forget(wire: Wire): void;
  /** From now on accepts no new connection. Resolves once the last open one has ended. Never rejects. */
  stopAccepting(): Promise<void>;
  /** Closes every open wire. */
  closeAll(): void;
  /** Removes everything that `attach()` added to the server, so that another instance can attach. After the last wire has ended. */
  detach?(): void;
  /** Ends immediately every wire that was open when accepting stopped, whatever its peer does. */
  cutAll(): void;
}

/** A Socket.IO server, and the patcher of its engine, which makes the wires. */
export interface Attached<Engine> {
  readonly io: Server;
  readonly engine: Engine;
}

/** A request, with the headers by which its origin is judged. */
export interface OriginRequest {
  readonly headers: IncomingHttpHeaders;
}

/** Decides which pages may connect. */
export interface OriginGuard {
  /** The option `cors` for Socket.IO. A function of the program is called once for each request. */
  readonly cors: ServerOptions['cors'] | undefined;
  /**
   * Whether the request may open a connection, or upgrade the one that was opened with the headers `opened`. A promise if the
   * program is asked; it never rejects. A refusal is reported.
   */
  admits(request: OriginRequest, opened?: IncomingHttpHeaders): boolean | Promise<boolean>;
}

/** Makes the guard for the option `cors` that applies: that of `serverOptions`, or of an engine of the program's own. */
export type GuardOrigins = (cors: ServerOptions['cors'] | undefined) => OriginGuard;

/** A runtime whose Socket.IO server does not exist yet. */
export interface EngineRuntime<Engine> extends Runtime {
  /** Creates the Socket.IO server and attaches it. */
  attach(serverOptions: Partial<ServerOptions>, guardOrigins: GuardOrigins): Attached<Engine>;
}
