import type { Wire, WirePacket, WireSource } from '../ports/wire.js';

/**
 * Knows whether the packet of Socket.IO that is being received has more bytes than a client may send at once. Socket.IO receives each
 * packet in a tick of its own, and ticks keep their order, so this changes in ticks between those. Only for an instance with such a limit.
 */
export class MessageSizes {
  readonly #mostBytes: number;
  readonly #isOwnParser: boolean;
  /** The latest event of each connection: bytes of its text, and of those attachments that have come. */
  readonly #bytes = new WeakMap<Wire, number>();
  /** Whether the latest tick of this class is one that sets `#isTooLarge`. */
  #isMarked = false;
  #isTooLarge = false;
  // One listener for all connections, called with the connection as `this`.
  readonly #listener: (this: Wire, packet: WirePacket) => void;

  /** `isOwnParser`: whether messages are in the format of Socket.IO's own parser, where attachments follow a text. */
  constructor(mostBytes: number, isOwnParser: boolean) {
    this.#mostBytes = mostBytes;
    this.#isOwnParser = isOwnParser;
    const note = (wire: Wire, packet: WirePacket): void => this.#note(wire, packet);
    this.#listener = function (packet) {
      note(this, packet);
    };
  }

  attach(wires: WireSource): void {
    // It is called before Socket.IO gets the packet.
    wires.onWire((wire) => wire.on('packet', this.#listener));
  }

  /** Read it where Socket.IO receives a packet. */
  readonly isTooLarge = (): boolean => this.#isTooLarge;

  #note(wire: Wire, { type, data }: WirePacket): void {
    if (type !== 'message') return;
    const isPart = this.#isOwnParser && typeof data !== 'string';
    const bytes = bytesOf(data) + (isPart ? (this.#bytes.get(wire) ?? 0) : 0);
    this.#bytes.set(wire, bytes);
    const isTooLarge = bytes > this.#mostBytes;
    if (isTooLarge === this.#isMarked) return;
    this.#isMarked = isTooLarge;
    process.nextTick(isTooLarge ? this.#mark : this.#unmark);
  }

  readonly #mark = (): void => {
    this.#isTooLarge = true;
  };

  readonly #unmark = (): void => {
    this.#isTooLarge = false;
  };
}

function bytesOf(data: unknown): number {
  if (typeof data === 'string') return Buffer.byteLength(data);
  return data instanceof ArrayBuffer || ArrayBuffer.isView(data) ? data.byteLength : 0;
}
