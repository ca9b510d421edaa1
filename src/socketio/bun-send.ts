import type { Piece } from './bun-frames.js';

/** The state of a WebSocket that is open, as the standard numbers it. */
const OPEN = 1;

/** A WebSocket of Bun, as far as messages go out over it. */
export interface BunSocket {
  readonly readyState: number;
  /** The bytes that went out; -1 where they wait; 0 where they are dropped, and where there were none. */
  sendText(text: string): number;
  sendBinary(bytes: Uint8Array): number;
  /** What is sent meanwhile goes out in as few writes as it fits in. */
  cork(send: () => void): unknown;
  /** Bytes that the peer has not taken. */
  getBufferedAmount(): number;
}

// One function for all: a closure for each connection would be garbage a thousand times a tick.
let corked: BunSocket | undefined;
let held: readonly Piece[] = [];
let isWhole = true;
const sendHeld = (): void => {
  const webSocket = corked as BunSocket;
  const pieces = held;
  for (let at = 0; at < pieces.length && isWhole; at++) isWhole = sendOne(webSocket, pieces[at] as Piece);
};

/** Sends them in one write. False where Bun dropped one, and with it all that come behind. */
export function sendAll(webSocket: BunSocket, pieces: readonly Piece[]): boolean {
  if (pieces.length === 1) return sendOne(webSocket, pieces[0] as Piece);
  corked = webSocket;
  held = pieces;
  // Said here and not there, as Bun calls nothing where the WebSocket is closed.
  isWhole = true;
  webSocket.cork(sendHeld);
  corked = undefined;
  held = [];
  return isWhole;
}

/** The method for each kind is a part faster than `send()`, which has to look what it is given. */
function sendOne(webSocket: BunSocket, piece: Piece): boolean {
  const sent = typeof piece === 'string' ? webSocket.sendText(piece) : webSocket.sendBinary(piece);
  // Of an empty message no byte goes out, and nothing is missing; nor is it to a peer that is gone.
  return sent !== 0 || piece.length === 0 || webSocket.readyState !== OPEN;
}
