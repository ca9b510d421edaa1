import type { Wire } from './wire.js';

/** The coalescing key of a message: a newer message replaces a queued one with the same key. `args`: the topic and its data. */
export type KeyOf = (args: readonly unknown[]) => string | undefined;

/** The part of a Socket.IO socket that sending uses. */
export interface Recipient {
  readonly id: string;
  readonly client: { readonly conn: Wire };
}

/** The options that Socket.IO passes to the engine with a message. */
export interface PacketOptions {
  readonly volatile?: boolean;
  readonly compress?: boolean;
}

/** A message to any number of sockets, encoded once for all. */
export interface Broadcast<Frame = unknown> {
  /** The output of Socket.IO's parser: a text, and its attachments. */
  readonly encoded: readonly unknown[];
  readonly options: PacketOptions;
  /** The result of the fan-out's `prepare()`. */
  readonly prepared: Frame | undefined;
  /** For a peer that reads slowly, the message replaces a queued one with the same key. */
  readonly key: string | undefined;
}

/** All members of a room, or of a namespace, at one moment. */
export interface Audience<Sender = unknown> {
  readonly sockets: readonly Recipient[];
  /** The result of `senderOf()` for each socket, by the same index. */
  readonly senders: (Sender | undefined)[];
  /** Whether one of the sockets may have outgoing listeners. */
  readonly listens: boolean;
  /** The count of added outgoing listeners when `listens` was determined. */
  readonly asOf: number;
}

/** Sends messages from an adapter to this instance's own sockets. All messages to one socket keep their order. */
export interface Fanout {
  /** The frame of a message; undefined if it must take Socket.IO's own path. */
  prepare(encoded: readonly unknown[], options: PacketOptions): unknown;
  /** The sender of a recipient, which callers may keep to avoid another lookup; undefined if it has none yet. */
  senderOf(socket: Recipient): unknown;
  /** Sends to one socket, at the latest at the end of the tick. */
  deliver(socket: Recipient, broadcast: Broadcast, sender?: unknown): void;
  /** Sends to all members. Calls `one` for each socket that it can't serve from its queue. */
  deliverAll(audience: Audience, broadcast: Broadcast, one: (socket: Recipient, sender: unknown) => void): void;
  /** Checks the budget of a wire after the runtime itself wrote to it. */
  check(wire: Wire): void;
  /** Bytes for a wire that its peer has not read: in this process, and in its connection. */
  unread(wire: Wire): number;
  /**
   * Drops everything that is queued in this process for a wire. `unread`: bytes that the peer has not read are in its socket, or in
   * the response to a poll, which is destroyed; only destroying the socket keeps them from it.
   */
  discard(wire: Wire): 'clean' | 'unread';
  /** Sends all queued messages, and removes its listeners from the process. */
  close(): void;
}

/** A fan-out whose engine does not exist yet. */
export interface EngineFanout<Engine> extends Fanout {
  /** From now on handles the wires of this engine. Call it before the first connection. */
  attach(engine: Engine): void;
}
