import type { Wire } from './wire.js';

/** What a message may replace while that waits: the key of its kind. `args`: the topic and its data. */
export type KeyOf = (args: readonly unknown[]) => string | undefined;

/** A socket of Socket.IO, as far as it is sent to. */
export interface Recipient {
  readonly id: string;
  readonly client: { readonly conn: Wire };
}

/** What Socket.IO hands to the engine beside a message. */
export interface PacketOptions {
  readonly volatile?: boolean;
  readonly compress?: boolean;
  /** Private: the WebSocket frame, its head and its body. */
  wsPreEncodedFrame?: readonly Buffer[];
}

/** A message to any number of sockets, encoded once for all. */
export interface Broadcast<Frame = unknown> {
  /** As Socket.IO's parser made it: a text, and its attachments. */
  readonly encoded: readonly unknown[];
  readonly options: PacketOptions;
  /** What the fan-out's `prepare()` made of it. */
  readonly prepared: Frame | undefined;
  /** What it may replace, while that waits for a peer that reads slowly: an earlier message with the same key. */
  readonly key: string | undefined;
}

/** All members of a room, or of a namespace, as long as nothing changes. */
export interface Audience<Sender = unknown> {
  readonly sockets: readonly Recipient[];
  /** What the fan-out keeps of each, by the same index. */
  readonly senders: (Sender | undefined)[];
  /** Whether a program may listen to what one of them is sent. */
  readonly listens: boolean;
  /** How often programs had begun to listen when this was found. */
  readonly asOf: number;
}

/** How a message gets from an adapter to this instance's own sockets. All that is sent to one socket keeps its order. */
export interface Fanout {
  /** The form in which a message goes out; undefined where it has to go Socket.IO's own way. */
  prepare(encoded: readonly unknown[], options: PacketOptions): unknown;
  /** What may be kept of a recipient, so as to find the way to it sooner; undefined where there is nothing yet. */
  senderOf(socket: Recipient): unknown;
  /** To one socket, by the tick's end. */
  deliver(socket: Recipient, broadcast: Broadcast, sender?: unknown): void;
  /** To all of them. `one` delivers to those who are not served together with the others. */
  deliverAll(audience: Audience, broadcast: Broadcast, one: (socket: Recipient, sender: unknown) => void): void;
  /** Checks the budget of a wire after the runtime itself wrote to it. */
  check(wire: Wire): void;
  /** Sends what waits, and leaves nothing behind in the process. */
  close(): void;
}

/** A fan-out that has not met the engine of its runtime yet. */
export interface EngineFanout<Engine> extends Fanout {
  /** Stands between the engine and Socket.IO from here on; before the first connection. */
  attach(engine: Engine): void;
}
