/** Approximate memory of an object or a list, without its entries. */
const CONTAINER_BYTES = 56;
/** Approximate memory of an entry, and of a string without its characters. */
const ENTRY_BYTES = 24;
/** Additional memory of a numeric key, because engines keep these in a separate table. */
const NUMBERED_BYTES = 80;
/** The estimate is at most this many times the length of the text. */
const MOST_TIMES = 64;

const QUOTE = 0x22;
const AMPERSAND = 0x26;
const ZERO = 0x30;
const NINE = 0x39;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_LIST = 0x5b;
const OPEN_OBJECT = 0x7b;

/**
 * Approximate memory of a JSON text after parsing, estimated without parsing it: 16 KB of `{},{},...` would take twenty times as
 * much. Never less than the length of the text.
 */
export function parsedBytes(json: string): number {
  let bytes = json.length;
  let inString = false;
  for (let at = 0; at < json.length; at++) {
    const code = json.charCodeAt(at);
    if (inString) {
      if (code === BACKSLASH) at++;
      else if (code === QUOTE) inString = false;
    } else if (code === QUOTE) {
      inString = true;
      const next = json.charCodeAt(at + 1);
      bytes += next >= ZERO && next <= NINE ? ENTRY_BYTES + NUMBERED_BYTES : ENTRY_BYTES;
    } else if (code === COMMA || code === COLON) bytes += ENTRY_BYTES;
    // Between the parameters of a namespace, of which version 3 of the protocol makes an object.
    else if (code === OPEN_LIST || code === OPEN_OBJECT || code === AMPERSAND) bytes += CONTAINER_BYTES;
  }
  return bytes;
}

/** Whether a text takes more than `mostBytes` once it is parsed. Short texts are not looked into. */
export function isHeavy(json: string, mostBytes: number): boolean {
  return json.length * MOST_TIMES > mostBytes && parsedBytes(json) > mostBytes;
}
