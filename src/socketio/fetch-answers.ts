import { type Adapter, MessageType } from 'socket.io-adapter';

/*
 * Answers to the `fetchSockets()` of other servers. An adapter puts the whole handshake of each socket into one message, with
 * `auth`, headers and the query as clients sent them. It goes to every server, and Redis drops a subscriber that has more than
 * 32 MB buffered. Here the format stays, the parts from clients are bounded, and answers are paced.
 */

/** Limit of one field of a handshake, in characters of JSON. Cookies and tokens fit. */
const MOST_OF_A_FIELD = 4_096;
/** Limit of all fields of one answer together, however many sockets it has. */
const MOST_OF_AN_ANSWER = 4 * 1_024 * 1_024;
/** Approximate size of a socket without these fields. */
const BYTES_OF_A_SOCKET = 512;
/** The rate at which answers are sent, so that subscribers have time to read. */
const BYTES_PER_MS = 8 * 1_024;
/** The timeout of the asking server: Socket.IO's default timeout of requests. */
const PATIENCE_MS = 5_000;
/** Memory limit of queued answers. */
const MOST_WAITING_BYTES = 32 * 1_024 * 1_024;
/** Most bytes that are sent at once. */
const BURST_BYTES = 1_024 * 1_024;
/** The handshake has four fields that a client writes: `headers`, `query`, `auth` and `url`. */
const FIELDS = 4;

/** The number of such a question between servers with the adapter for Redis. */
const REDIS_REMOTE_FETCH = 5;

type Publish = (target: unknown, response: unknown) => void;

/** `@socket.io/redis-adapter` publishes JSON; adapters made of `ClusterAdapter` publish objects. */
interface Answering {
  publishResponse?: Publish;
}

/**
 * Bounds and paces the answers of an adapter, and calls `dropped` for each that is dropped. Returns false if the adapter has no
 * `publishResponse`: then its answers carry whole handshakes.
 */
export function boundFetchAnswers(adapter: Adapter, dropped: () => void): boolean {
  const answering = adapter as unknown as Answering;
  const publish = answering.publishResponse;
  if (typeof publish !== 'function') return false;
  const pace = new Pace();
  answering.publishResponse = (target, response) => {
    const answer = fetchAnswer(target, response);
    if (answer === undefined) publish.call(adapter, target, response);
    else if (!pace.send(answer.bytes, () => publish.call(adapter, target, answer.response))) dropped();
  };
  return true;
}

/** An answer to `fetchSockets()`, bounded; undefined for any other. */
function fetchAnswer(target: unknown, response: unknown): { response: unknown; bytes: number } | undefined {
  if (typeof response === 'string') {
    if (field(target, 'type') !== REDIS_REMOTE_FETCH) return undefined;
    const parsed = parse(response);
    if (parsed === undefined) return undefined;
    const text = JSON.stringify({ ...(parsed as object), sockets: bounded(listOf(parsed)) });
    return { response: text, bytes: text.length };
  }
  if (field(response, 'type') !== MessageType.FETCH_SOCKETS_RESPONSE) return undefined;
  const data = field(response, 'data');
  const list = listOf(data);
  const bytes = list.length * (BYTES_OF_A_SOCKET + FIELDS * mostOfAField(list.length));
  return { response: { ...(response as object), data: { ...(data as object), sockets: bounded(list) } }, bytes };
}

/** Undefined if an adapter writes its answers in another format. */
function parse(response: string): unknown {
  try {
    return JSON.parse(response);
  } catch {
    return undefined;
  }
}

function listOf(answer: unknown): readonly unknown[] {
  const sockets = field(answer, 'sockets');
  return Array.isArray(sockets) ? sockets : [];
}

function mostOfAField(sockets: number): number {
  return Math.min(MOST_OF_A_FIELD, Math.floor(MOST_OF_AN_ANSWER / FIELDS / Math.max(1, sockets)));
}

function bounded(list: readonly unknown[]): readonly unknown[] {
  const most = mostOfAField(list.length);
  return list.map((socket) => {
    const handshake = field(socket, 'handshake');
    if (typeof handshake !== 'object' || handshake === null) return socket;
    const { headers, query, auth, url } = handshake as Readonly<Record<string, unknown>>;
    const small = { headers: entries(headers, most), query: entries(query, most), auth: entries(auth, most) };
    return {
      ...(socket as object),
      handshake: { ...handshake, ...small, url: typeof url === 'string' ? url.slice(0, most) : url },
    };
  });
}

/** The entries of an object that fit the limit. Each is kept whole or left out, because a part of a token is useless. */
function entries(value: unknown, most: number): unknown {
  if (typeof value !== 'object' || value === null) return value;
  let left = most;
  const kept = Object.entries(value).filter(([name, entry]) => {
    const size = name.length + sizeOf(entry);
    if (size > left) return false;
    left -= size;
    return true;
  });
  return Object.fromEntries(kept);
}

function sizeOf(value: unknown): number {
  if (typeof value === 'string') return value.length;
  // A value that JSON can't represent can't be sent either; the adapter reports that.
  return JSON.stringify(value)?.length ?? 0;
}

function field(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>)[name] : undefined;
}

/** Sends answers no faster than subscribers can read them. */
class Pace {
  readonly #line: { readonly bytes: number; readonly send: () => void; readonly until: number }[] = [];
  /** Bytes that were sent and may be unread. `#waiting`: bytes in the queue. */
  #unread = 0;
  #waiting = 0;
  #since = 0;
  #timer: NodeJS.Timeout | undefined;

  /** Returns false if the queue is full: the answer is dropped. */
  send(bytes: number, send: () => void): boolean {
    this.#dropLate();
    if (this.#waiting > MOST_WAITING_BYTES) return false;
    this.#line.push({ bytes, send, until: performance.now() + PATIENCE_MS });
    this.#waiting += bytes;
    this.#go();
    return true;
  }

  #dropLate(): void {
    const now = performance.now();
    while (this.#line[0] !== undefined && this.#line[0].until < now) this.#waiting -= this.#line.shift()?.bytes ?? 0;
  }

  #go(): void {
    if (this.#timer !== undefined) return;
    this.#dropLate();
    const now = performance.now();
    this.#unread = Math.max(0, this.#unread - (now - this.#since) * BYTES_PER_MS);
    this.#since = now;
    while (this.#line[0] !== undefined && this.#unread < BURST_BYTES) {
      const { bytes, send } = this.#line[0];
      this.#line.shift();
      this.#waiting -= bytes;
      this.#unread += bytes;
      send();
    }
    if (this.#line.length === 0) return;
    const wait = (this.#unread - BURST_BYTES) / BYTES_PER_MS;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#go();
    }, wait + 1).unref();
  }
}
