/**
 * Counts received messages without decoding them: it reads only each frame's header, four more bytes of a measured
 * frame, and of every `EVERY`th of those the 16 digits with the time of sending.
 */
const EVERY = 37;
const DIGITS_AT = 8; // 42["m","
const NEEDED = DIGITS_AT + 16;
const ZERO = 0x30;

export const now = () => (performance.timeOrigin + performance.now()) * 1_000;

/** Counts of all connections of the load together. */
export const tally = {
  messages: 0,
  pings: 0,
  samples: [],
  expected: Number.POSITIVE_INFINITY,
  reached: () => {},
  answered: () => {},
};

function sample(buffer, at) {
  let sent = 0;
  for (let digit = at + DIGITS_AT; digit < at + NEEDED; digit++) sent = sent * 10 + buffer[digit] - ZERO;
  tally.samples.push(now() - sent);
}

/**
 * Handles the next bytes of one connection. `peer` keeps `skip`, `rest`, `messages`; `control(text)` gets other text
 * frames.
 */
export function feed(peer, chunk, size) {
  let buffer = chunk;
  let end = size;
  if (peer.rest) {
    buffer = Buffer.concat([peer.rest, chunk.subarray(0, size)]);
    end = buffer.length;
    peer.rest = undefined;
  }
  let at = peer.skip;
  while (at < end) {
    const next = frame(peer, buffer, at, end);
    if (next === 0) {
      peer.rest = Buffer.from(buffer.subarray(at, end));
      peer.skip = 0;
      return;
    }
    at = next;
  }
  peer.skip = at - end;
}

/** The start of the frame after the one at `at`; 0 if this one is incomplete. */
function frame(peer, buffer, at, end) {
  if (end - at < 2) return 0;
  let length = buffer[at + 1] & 127;
  let from = at + 2;
  if (length > 125) {
    if (end - at < 10) return 0;
    from = at + (length === 126 ? 4 : 10);
    length = length === 126 ? buffer.readUInt16BE(at + 2) : Number(buffer.readBigUInt64BE(at + 2));
  }
  if (end - from < Math.min(length, NEEDED)) return 0;
  // 42["m: the measured event.
  if (length >= NEEDED && buffer[from + 4] === 0x6d && buffer[from + 1] === 0x32 && buffer[from + 3] === 0x22) {
    peer.messages++;
    if (tally.messages++ % EVERY === 0) sample(buffer, from);
    if (tally.messages === tally.expected) tally.reached();
    return from + length;
  }
  if (end - from < length) return 0;
  if ((buffer[at] & 15) < 3) peer.control(buffer.latin1Slice(from, from + length));
  return from + length;
}

/** A client's text frame. The mask is zero, so the text is unchanged. */
export function masked(text) {
  const payload = Buffer.from(text);
  const { length } = payload;
  const code = length < 126 ? length : length < 65_536 ? 126 : 127;
  const header = Buffer.alloc(code < 126 ? 6 : code === 126 ? 8 : 14);
  header[0] = 0x81;
  header[1] = 0x80 | code;
  if (code === 126) header.writeUInt16BE(length, 2);
  if (code === 127) header.writeBigUInt64BE(BigInt(length), 2);
  return Buffer.concat([header, payload]);
}
