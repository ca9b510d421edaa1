import type { IConnection, TReporter } from '../server/ports.js';

export interface IFanoutOptions {
  /** Whether what one turn sends shares a write. */
  readonly coalesce: boolean;
  /** Bytes that may wait for one connection. */
  readonly mostBytes: number;
  /** Called once for a connection that more waits for; must not close it at once. */
  readonly tooSlow: (connection: IConnection, waitingBytes: number) => void;
  readonly report: TReporter;
}

/** What is written into a connection of an engine's when what wanted to hear of each packet hears of none. */
export const PACKET_EVENTS: readonly string[] = ['packetCreate', 'flush', 'drain'];
