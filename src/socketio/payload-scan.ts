/** Between the packets of a payload (Engine.IO protocol, version 4). */
const SEPARATOR = '\x1e';

/** Characters that may pass together, if they are whole packets. */
const MOST_CHARACTERS = 64 * 1_024;

/** A packet of this many characters passes alone, because parsing it takes long. */
const LARGE_CHARACTERS = 16 * 1_024;

/** Packets of a payload that pass together. */
export interface Slice {
  /** Where the last one ends. */
  readonly end: number;
  /** Where the next one begins; undefined if there is none. */
  readonly next: number | undefined;
  readonly packets: number;
  readonly isLarge: boolean;
}

/** A packet of a payload: where it ends, and where the next one begins. */
interface Bounds {
  readonly end: number;
  readonly next: number | undefined;
}

/** The packets of a payload, the body of a POST, that may pass together: at most `most`, which is at least 1. A large one passes alone. */
export function scanPayload(payload: string, from: number, protocol: number | undefined, most: number): Slice {
  const boundsAt = protocol === 3 ? boundsInVersion3 : boundsInVersion4;
  let slice: Slice | undefined;
  let at = from;
  for (let packets = 1; packets <= most; packets++) {
    const { end, next } = boundsAt(payload, at);
    const isLarge = end - at >= LARGE_CHARACTERS;
    if (slice !== undefined && (isLarge || end - from > MOST_CHARACTERS)) return slice;
    slice = { end, next, packets, isLarge };
    if (next === undefined || isLarge) return slice;
    at = next;
  }
  return slice ?? { end: from, next: from, packets: 0, isLarge: false };
}

function boundsInVersion4(payload: string, at: number): Bounds {
  const end = payload.indexOf(SEPARATOR, at);
  return end < 0 ? { end: payload.length, next: undefined } : { end, next: end + 1 };
}

/** Version 3 writes the length of each packet and a colon before it. The engine refuses a payload that is not so. */
function boundsInVersion3(payload: string, at: number): Bounds {
  const colon = payload.indexOf(':', at);
  const length = colon < 0 || colon - at > 10 ? Number.NaN : Number(payload.slice(at, colon));
  const end = length >= 0 ? colon + 1 + length : payload.length;
  return end < payload.length ? { end, next: end } : { end: payload.length, next: undefined };
}
