import type { RoomgateError } from '../protocol/errors.js';

/** A message that was emitted. */
export interface Emitted {
  readonly topic: string;
  /** The arguments of Socket.IO's `emit` after the event. */
  readonly args: readonly unknown[];
  readonly doLog: boolean;
  readonly cb: ((error?: RoomgateError) => unknown) | undefined;
  /** For a message of `request()`, in place of `cb`. */
  readonly request?: PendingRequest | undefined;
}

/** A request that has not settled. */
export interface PendingRequest {
  /** Milliseconds until it times out. */
  readonly remainingMs: number;
  readonly isSettled: boolean;
  /** It was passed to Socket.IO. `forget` stops waiting for the answer. */
  sent(forget: () => void): void;
  /** It waits in the queue again, because the server did not handle it. */
  queued(): void;
  answered(answer: unknown): void;
  failed(error: unknown): void;
}

/** The method that emitted a message, with its topic, for errors. */
export function callOf({ topic, request }: Pick<Emitted, 'topic' | 'request'>): string {
  return `${request === undefined ? 'emit' : 'request'}("${topic}")`;
}

/** A message that was sent, and when it expires if it has to be sent again. */
export interface Sent {
  readonly emitted: Emitted;
  readonly expiresAt: number;
}
