/** The transport under one or more sockets, as far as endings need it. */
export interface Connection {
  readonly readyState: string;
  close(): void;
  on(event: 'close', listener: (this: Connection) => void): unknown;
  on(event: 'packet', listener: (this: Connection, packet: { type: string; data?: unknown }) => void): unknown;
  once(event: 'close', listener: () => void): unknown;
}
