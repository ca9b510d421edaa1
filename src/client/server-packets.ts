import { isRecord } from '../common/checks.js';
import { MOST_ARGUMENTS } from '../protocol/limits.js';
import { parseJson } from './parse-json.js';

/**
 * Checks of the packets of a server. socket.io-client trusts its server: an event without a name, or a handshake without a list
 * of upgrades, makes it throw in a callback of the network, which ends a Node.js process.
 */

/** The part of an Engine.IO packet that is checked. */
export interface EnginePacket {
  type: string;
  // biome-ignore lint/suspicious/noExplicitAny: engine.io-client's type
  data?: any;
}

/** The part of a Socket.IO packet that is checked. */
export interface SocketPacket {
  readonly type: number;
  // biome-ignore lint/suspicious/noExplicitAny: socket.io-parser's type
  data?: any;
}

type Verdict = 'sound' | 'unsound';

/** Half of the longest delay of a timer, because the client adds two of these, and a longer timer fires immediately. */
const MOST_MS = 1_073_741_823;
/** Printable ASCII, because the id is part of addresses. */
const SESSION_ID = /^[!-~]{1,1000}$/;
/** At most one pong waits for a server that does not read. */
const LEAST_MS_BETWEEN_PONGS = 1_000;

/** @see https://socket.io/docs/v4/socket-io-protocol/#packet-encoding */
const CONNECT = 0;
const DISCONNECT = 1;
const EVENT = 2;
const ACK = 3;
const CONNECT_ERROR = 4;

/** Checks the Engine.IO packets of one connection. An unsound one is changed in place, because Engine.IO handles it afterwards. */
export class EnginePackets {
  #isOpen = false;
  #lastPong = Number.NEGATIVE_INFINITY;

  /** `isWriting` says whether packets wait for the transport. */
  check(packet: EnginePacket, isWriting: boolean): void {
    if (packet.type === 'open') this.#checkOpen(packet);
    else if (packet.type === 'ping' && !this.#isTimeForPong(isWriting)) packet.type = 'noop';
  }

  /** @see https://socket.io/docs/v4/engine-io-protocol/#handshake */
  #checkOpen(packet: EnginePacket): void {
    const handshake = this.#isOpen ? undefined : readHandshake(packet.data);
    if (handshake !== undefined) {
      this.#isOpen = true;
      packet.data = JSON.stringify(handshake);
    } else if (this.#isOpen) {
      // Each handshake would open connections for its upgrades.
      packet.type = 'noop';
    } else {
      packet.type = 'error';
      packet.data = 'the handshake of the server is invalid';
    }
  }

  #isTimeForPong(isWriting: boolean): boolean {
    const now = performance.now();
    if (isWriting && now - this.#lastPong < LEAST_MS_BETWEEN_PONGS) return false;
    this.#lastPong = now;
    return true;
  }
}

/** Whether socket.io-client can handle this packet of a namespace, `connected` or not yet. Adds the text that a refusal lacks. */
export function checkSocketPacket(packet: SocketPacket, connected: boolean): Verdict {
  const { type, data } = packet;
  switch (type) {
    case CONNECT:
      return verdict(!connected && isRecord(data) && isText(data.sid) && (data.pid === undefined || isText(data.pid)));
    case DISCONNECT:
      return 'sound';
    case EVENT:
      // Events of a namespace that is not connected would be kept without a limit.
      return verdict(connected && isList(data, 1 + MOST_ARGUMENTS) && data.length > 0);
    case ACK:
      return verdict(isList(data, MOST_ARGUMENTS));
    case CONNECT_ERROR:
      if (typeof data === 'string') packet.data = { message: data };
      else if (isRecord(data) && !isText(data.message)) packet.data = { ...data, message: '' };
      return verdict(!connected && isRecord(packet.data));
    default:
      return 'unsound';
  }
}

function readHandshake(data: unknown): Readonly<Record<string, unknown>> | undefined {
  const given = parseJson(data);
  if (!isRecord(given) || !isText(given.sid) || !SESSION_ID.test(given.sid)) return undefined;
  const { sid, upgrades, maxPayload } = given;
  const [pingInterval, pingTimeout] = [duration(given.pingInterval), duration(given.pingTimeout)];
  if (pingInterval === undefined || pingTimeout === undefined) return undefined;
  const listed: readonly unknown[] = Array.isArray(upgrades) ? upgrades : [];
  return {
    sid,
    // Each name once, because the client opens a connection for each.
    upgrades: [...new Set(listed)].filter(isText),
    pingInterval,
    pingTimeout,
    ...(typeof maxPayload === 'number' && maxPayload > 0 ? { maxPayload } : {}),
  };
}

/** Whether it is a list of at most so many values, which the stack can take. */
function isList(data: unknown, most: number): data is readonly unknown[] {
  return Array.isArray(data) && data.length <= most;
}

function duration(value: unknown): number | undefined {
  return typeof value === 'number' && value > 0 ? Math.min(value, MOST_MS) : undefined;
}

function isText(value: unknown): value is string {
  return typeof value === 'string';
}

function verdict(isSound: boolean): Verdict {
  return isSound ? 'sound' : 'unsound';
}
