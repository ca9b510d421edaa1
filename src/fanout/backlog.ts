/** A packet of either engine. */
interface IPacket {
  type: string;
  data?: unknown;
  options?: { readonly wsPreEncodedFrame?: readonly Uint8Array[] } | undefined;
}

/** A connection of either engine, as far as it is counted what waits for it. */
export interface ICounted {
  readonly readyState: string;
  readonly transport: {
    readonly writable: boolean;
    /** Of ours: the bytes that were handed on and have not gone out. */
    readonly unread?: number;
    /** Of `ws`, where it is engine.io's own transport. */
    readonly socket?: { readonly bufferedAmount?: number };
    /** Of polling: the answer that the next flush is written into. */
    readonly res?: { once?(event: 'close', listener: () => void): unknown } | null;
  };
  /** What waits for the transport to become writable. */
  readonly writeBuffer: IPacket[];
  close(): void;
  on(event: 'packetCreate' | 'flush', listener: (this: ICounted, packet: never) => void): unknown;
  removeListener(event: 'packetCreate' | 'flush', listener: (this: ICounted, packet: never) => void): unknown;
  [BACKLOG]?: IBacklog | undefined;
}

interface IBacklog {
  /** Bytes in the `writeBuffer`. */
  queued: number;
  /** Bytes of the largest message that waits or is going out, which may be larger than all that may wait. */
  largest: number;
  /** Bytes in answers to polls that have not been read. */
  answering: number;
  /** Since when there is more than there may be, in milliseconds. */
  since: number | undefined;
  /** Where messages can be replaced, what waits of each key. */
  byKey: Map<string, IPacket[]> | undefined;
  /** Packets in the `writeBuffer` that were replaced. */
  replaced: number;
}

const BACKLOG = Symbol('backlog');
/** How long a peer may be behind: what is sent in one go is more than any connection takes at once. */
const PATIENCE_MS = 100;
/** The type of a packet that was replaced; engines send none of this type through the `writeBuffer`. */
const REPLACED = 'noop';
/** So many replaced packets are left in the `writeBuffer` at the least, so that taking them out costs little each. */
const FEWEST_TAKEN_OUT = 64;

/**
 * What waits for those whose peer doesn't take it at once: between polls, while a transport is changed, and behind a
 * connection that is full. Held against a budget, which is what keeps a peer from making this instance hold any amount.
 */
export class Backlogs {
  readonly #created: (this: ICounted, packet: IPacket) => void;
  readonly #flushed: (this: ICounted) => void;

  /** `tooSlow` is called once for a connection that has more waiting than `mostBytes`; it must not close it at once. */
  constructor(mostBytes: number, tooSlow: (connection: ICounted, waitingBytes: number) => void) {
    // One of each for all connections, which are called with the connection as `this`.
    this.#created = function (packet) {
      const backlog = this[BACKLOG];
      if (backlog === undefined) return;
      const waiting = waitingFor(this, backlog);
      if (waiting === 0) backlog.largest = 0;
      if (waiting - backlog.largest <= mostBytes) backlog.since = undefined;
      else if (isLate(backlog) && this.writeBuffer.length > 0) {
        // Takes no more from here on, and calls nobody as long as something waits.
        this.close();
        tooSlow(this, waiting);
        return;
      }
      const bytes = sizeOf(packet);
      backlog.queued += bytes;
      backlog.largest = Math.max(backlog.largest, bytes);
    };
    this.#flushed = function () {
      flushed(this, this[BACKLOG]);
    };
  }

  /** Counts from here on; `largest`: bytes of a message that is going out. Harmless where it is counted already. */
  watch(connection: ICounted, largest = 0): void {
    if (connection[BACKLOG] !== undefined) return;
    const none = { queued: 0, answering: 0, since: undefined, byKey: undefined, replaced: 0 };
    connection[BACKLOG] = { ...none, largest };
    connection.on('packetCreate', this.#created);
    connection.on('flush', this.#flushed);
  }

  unwatch(connection: ICounted): void {
    if (connection[BACKLOG] === undefined) return;
    connection[BACKLOG] = undefined;
    connection.removeListener('packetCreate', this.#created);
    connection.removeListener('flush', this.#flushed);
  }

  /** Puts in line, by `write`, what takes the place of all that waits with this key. */
  replace(connection: ICounted, key: string, write: () => void): void {
    const backlog = connection[BACKLOG];
    if (backlog === undefined || connection.transport.writable) {
      write();
      return;
    }
    backlog.byKey ??= new Map();
    for (const packet of backlog.byKey.get(key) ?? []) {
      backlog.queued -= sizeOf(packet);
      backlog.replaced++;
      Object.assign(packet, { type: REPLACED, data: undefined, options: undefined });
    }
    const { writeBuffer } = connection;
    const before = writeBuffer.length;
    write();
    backlog.byKey.set(key, writeBuffer.slice(before));
    if (backlog.replaced >= FEWEST_TAKEN_OUT && backlog.replaced * 2 > writeBuffer.length) takeOut(connection, backlog);
  }
}

function waitingFor({ transport }: ICounted, { queued, answering }: IBacklog): number {
  return queued + answering + (transport.unread ?? transport.socket?.bufferedAmount ?? 0);
}

function isLate(backlog: IBacklog): boolean {
  const now = performance.now();
  backlog.since ??= now;
  return now - backlog.since >= PATIENCE_MS;
}

/** All that was queued goes out with one answer, or into the connection. */
function flushed(connection: ICounted, backlog: IBacklog | undefined): void {
  if (backlog === undefined) return;
  if (backlog.replaced > 0) takeOut(connection, backlog);
  const { queued } = backlog;
  backlog.queued = 0;
  backlog.byKey?.clear();
  const { res } = connection.transport;
  if (typeof res?.once !== 'function') return;
  backlog.answering += queued;
  res.once('close', () => {
    backlog.answering -= queued;
  });
}

function takeOut({ writeBuffer }: ICounted, backlog: IBacklog): void {
  let kept = 0;
  for (const packet of writeBuffer) if (packet.type !== REPLACED) writeBuffer[kept++] = packet;
  writeBuffer.length = kept;
  backlog.replaced = 0;
}

function sizeOf({ data, options }: IPacket): number {
  const frame = options?.wsPreEncodedFrame;
  if (frame !== undefined) return frame.reduce((sum, { length }) => sum + length, 0);
  if (typeof data === 'string') return Buffer.byteLength(data);
  return data instanceof ArrayBuffer || ArrayBuffer.isView(data) ? data.byteLength : 0;
}
