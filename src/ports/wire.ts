/** A packet of Engine.IO. */
export interface WirePacket {
  readonly type: string;
  readonly data?: unknown;
}

/** A message of Engine.IO; undefined where it is empty. */
export type WireData = string | ArrayBuffer | ArrayBufferView | undefined;

/** The public events of an Engine.IO connection, with the arguments of their listeners. */
export interface WireEvents {
  close: [];
  /** A packet arrived. */
  packet: [packet: WirePacket];
  /** A message for Socket.IO arrived. */
  data: [data: WireData];
  /** A packet is about to be queued. */
  packetCreate: [packet: WirePacket];
  /** All queued packets are about to be handed to the transport. */
  flush: [];
  drain: [];
  /** The client has begun to change to this transport, and has changed to it. */
  upgrading: [transport: object];
  upgrade: [transport: object];
  newListener: [event: string | symbol];
}

/** Hands out the wires of an engine: its patcher. */
export interface WireSource {
  /** Calls `listener` with each new wire, after Socket.IO and after earlier listeners. */
  onWire(listener: (wire: Wire) => void): void;
}

/**
 * The connection of one client. It is the engine's own object, seen through this port, so an idle client costs no second object.
 * Only `socketio/` uses its other members. A module may attach state under a symbol of its own if a `WeakMap` would be slower. In
 * `socketio/`, one patcher of each engine passes it to the layers above.
 */
export interface Wire {
  readonly readyState: string;
  readonly remoteAddress?: string;
  close(): void;
  write(message: string): unknown;
  listeners(event: string): readonly unknown[];
  on<E extends keyof WireEvents>(event: E, listener: (this: Wire, ...args: WireEvents[E]) => void): unknown;
  once<E extends keyof WireEvents>(event: E, listener: (this: Wire, ...args: WireEvents[E]) => void): unknown;
  removeListener<E extends keyof WireEvents>(event: E, listener: (this: Wire, ...args: WireEvents[E]) => void): unknown;
}
