import { isBytes } from '../common/is-bytes.js';
import { textOf } from './engine-packets.js';
import type { EnginePacket } from './engine-types.js';

/** A message of a WebSocket as Bun takes it: text or bytes. */
export type Piece = string | Uint8Array;

/** Several messages that go out together: an event and its attachments. */
export class Several {
  /** Bytes, approximately: for text the UTF-16 units are counted. */
  readonly length: number;

  constructor(readonly pieces: readonly Piece[]) {
    this.length = pieces.reduce((sum, { length }) => sum + length, 0);
  }
}

export type BunFrame = Piece | Several;

/** One packet, as the engine would write it over a WebSocket. Bytes are copied, because the program may reuse its buffer. */
export function frameOf(packet: EnginePacket): Piece {
  return bytesOf(packet.data) ?? textOf(packet);
}

/** The frames of a message of Socket.IO's parser; undefined if a part is neither text nor bytes. */
export function framesOfMessage(encoded: readonly unknown[]): BunFrame | undefined {
  const pieces = encoded.map((data) => (typeof data === 'string' ? `4${data}` : bytesOf(data)));
  if (pieces.includes(undefined)) return undefined;
  return pieces.length === 1 ? pieces[0] : new Several(pieces as Piece[]);
}

function bytesOf(data: unknown): Uint8Array | undefined {
  if (!isBytes(data)) return undefined;
  if (data instanceof ArrayBuffer) return new Uint8Array(data).slice();
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength).slice();
}
