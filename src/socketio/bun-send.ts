import type { Piece } from './bun-frames.js';
import type { BunSocket } from './bun-types.js';
import { OPEN } from './ready-states.js';

// One function for all connections, because a closure for each would be a thousand allocations per tick.
let corked: BunSocket | undefined;
let held: readonly Piece[] = [];
let isWhole = true;
const sendHeld = (): void => {
  const webSocket = corked as BunSocket;
  const pieces = held;
  for (let at = 0; at < pieces.length && isWhole; at++) isWhole = sendOne(webSocket, pieces[at] as Piece);
};

/** Sends the pieces in one write. Returns false if Bun dropped one; the pieces after it are not sent. */
export function sendAll(webSocket: BunSocket, pieces: readonly Piece[]): boolean {
  if (pieces.length === 1) return sendOne(webSocket, pieces[0] as Piece);
  corked = webSocket;
  held = pieces;
  // Set here and not in the callback, because Bun does not call it for a closed WebSocket.
  isWhole = true;
  webSocket.cork(sendHeld);
  corked = undefined;
  held = [];
  return isWhole;
}

/** The methods for text and bytes are slightly faster than `send()`, which checks its argument. */
function sendOne(webSocket: BunSocket, piece: Piece): boolean {
  const sent = typeof piece === 'string' ? webSocket.sendText(piece) : webSocket.sendBinary(piece);
  // An empty message has no bytes to drop. A message to a closed WebSocket does not count as dropped.
  return sent !== 0 || piece.length === 0 || webSocket.readyState !== OPEN;
}
