import { isBytes } from '../common/is-bytes.js';

/** One or several WebSocket frames in one buffer, ready for the wire. */
export type WsFrame = Buffer;

const TEXT = 0x81;
const BINARY = 0x82;
/** Payload lengths up to this are written in the second byte itself (RFC 6455, section 5.2). */
const LONGEST_SHORT = 125;
const LONGEST_MEDIUM = 0xffff;

/** A whole text message of a server, which is never masked (RFC 6455, section 5.1). */
export function textFrame(text: string): WsFrame {
  const length = Buffer.byteLength(text);
  const header = headerLength(length);
  const frame = Buffer.allocUnsafe(header + length);
  writeHeader(frame, TEXT, length);
  frame.write(text, header);
  return frame;
}

/** A whole binary message. The bytes are copied, because the program may reuse its buffer. */
export function binaryFrame(data: ArrayBuffer | ArrayBufferView): WsFrame {
  const bytes = ArrayBuffer.isView(data)
    ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
    : new Uint8Array(data);
  const header = headerLength(bytes.length);
  const frame = Buffer.allocUnsafe(header + bytes.length);
  writeHeader(frame, BINARY, bytes.length);
  frame.set(bytes, header);
  return frame;
}

/** An Engine.IO message packet: text, or the bytes of an attachment. Undefined for any other value. */
export function messageFrame(data: unknown): WsFrame | undefined {
  if (typeof data === 'string') return textFrame(`4${data}`);
  return isBytes(data) ? binaryFrame(data) : undefined;
}

/** All parts of a message in one buffer. Undefined if a part has another type. */
export function joinedFrames(parts: readonly unknown[]): WsFrame | undefined {
  const frames: WsFrame[] = [];
  for (const part of parts) {
    const frame = messageFrame(part);
    if (frame === undefined) return undefined;
    frames.push(frame);
  }
  return Buffer.concat(frames);
}

function headerLength(length: number): number {
  if (length <= LONGEST_SHORT) return 2;
  return length <= LONGEST_MEDIUM ? 4 : 10;
}

function writeHeader(frame: Buffer, first: number, length: number): void {
  frame[0] = first;
  if (length <= LONGEST_SHORT) frame[1] = length;
  else if (length <= LONGEST_MEDIUM) {
    frame[1] = 126;
    frame.writeUInt16BE(length, 2);
  } else {
    frame[1] = 127;
    // A buffer is far shorter than 2 ** 48 bytes.
    frame.writeUInt16BE(0, 2);
    frame.writeUIntBE(length, 4, 6);
  }
}
