import { Agent, type IncomingHttpHeaders, request } from 'node:http';
import WebSocket from 'ws';
import { type Stoppable, track } from './cleanup.js';
import { EventLog, within } from './facts.js';

/** Separates the packets of a polling payload. */
const SEPARATOR = '\x1e';
const PING = '2';
const PONG = '3';

export interface RawOptions {
  /** `/socket.io/` by default. */
  path?: string;
  /** Several values of one header are sent as several lines. */
  headers?: Readonly<Record<string, string | string[]>>;
  /** The client's own address, such as `127.0.0.2`, for a WebSocket. */
  localAddress?: string;
  /** Added to `EIO=4` and `transport=…`. */
  query?: Readonly<Record<string, string>>;
  /** Whether Engine.IO's pings are answered, and left out of the frames. Default: true. */
  answerPings?: boolean;
  /** Whether a WebSocket offers compression. Default: false. */
  compress?: boolean;
  /** Time limit for opening a WebSocket and for connecting to a namespace, in milliseconds. Default: 5 000. */
  timeout?: number;
}

/** One WebSocket connection, without a client library that could hide a fault. */
export interface WebSocketPeer extends Stoppable {
  /** Text frames as strings, binary frames as buffers, starting with Engine.IO's handshake (`0{…}`). */
  readonly frames: EventLog<string | Buffer>;
  readonly closed: Promise<{ code: number; reason: string }>;
  send(frame: string | Uint8Array): void;
  /**
   * Skips Engine.IO's handshake and connects to a namespace, by default `/`. Resolves to the socket's id; rejects with
   * the server's `connect_error` frame.
   */
  connect(namespace?: string, auth?: unknown): Promise<{ sid: string }>;
  /** Sends an event to the namespace `/`. `ack` is its acknowledgement id; the answer is `43<ack>[…]`. */
  emit(topic: string, args?: readonly unknown[], ack?: number): void;
  /** The payload of the next `topic` event in the namespace `/`; other frames stay unread. */
  event(topic: string, timeout?: number): Promise<unknown[]>;
  /** Resolves once the server has answered a ping: it has read everything sent before. */
  ping(timeout?: number): Promise<void>;
  /** Stops reading, so that the server's buffers fill up. */
  pauseReading(): void;
  resumeReading(): void;
  /** Sends the closing handshake. */
  close(code?: number): void;
  /** Cuts the connection without a close frame. */
  terminate(): void;
}

/** Opens a WebSocket to `url` (`http://…`). Rejects with the status if the server refuses the upgrade. */
export async function rawWebSocket(url: string, options: RawOptions = {}): Promise<WebSocketPeer> {
  const target = addressOf(url, 'websocket', options);
  target.protocol = target.protocol === 'https:' ? 'wss:' : 'ws:';
  const socket = new WebSocket(target, {
    headers: { ...options.headers },
    perMessageDeflate: options.compress ?? false,
    ...(options.localAddress === undefined ? {} : { localAddress: options.localAddress }),
  });
  const frames = new EventLog<string | Buffer>();
  socket.on('message', (data: Buffer, isBinary: boolean) => {
    const frame = isBinary ? data : data.toString('utf8');
    if (frame === PING && options.answerPings !== false) socket.send(PONG);
    else frames.push(frame);
  });
  const closed = new Promise<{ code: number; reason: string }>((resolve) => {
    socket.once('close', (code, reason) => {
      frames.end(`the WebSocket was closed (${code} ${reason})`);
      resolve({ code, reason: reason.toString('utf8') });
    });
  });
  const opened = new Promise<void>((resolve, reject) => {
    socket.once('open', resolve);
    // Also handles a later error, such as a reset, which would be uncaught otherwise. 'close' follows it.
    socket.on('error', reject);
  });
  const raw = track(new RawWebSocket(socket, frames, closed, options.timeout));
  await within(opened, `a WebSocket to ${target}`, options.timeout);
  return raw;
}

class RawWebSocket implements WebSocketPeer {
  readonly #socket: WebSocket;
  readonly #patience: { timeout?: number };

  constructor(
    socket: WebSocket,
    readonly frames: EventLog<string | Buffer>,
    readonly closed: Promise<{ code: number; reason: string }>,
    timeout: number | undefined,
  ) {
    this.#socket = socket;
    this.#patience = timeout === undefined ? {} : { timeout };
  }

  send(frame: string | Uint8Array): void {
    this.#socket.send(frame);
  }

  async connect(namespace = '/', auth?: unknown): Promise<{ sid: string }> {
    const prefix = namespace === '/' ? '' : `${namespace},`;
    const handshake = { what: 'the handshake of Engine.IO', ...this.#patience };
    await this.frames.next((frame) => String(frame).startsWith('0{'), handshake);
    this.send(`40${prefix}${auth === undefined ? '' : JSON.stringify(auth)}`);
    const connecting = { what: `an answer to connecting to ${namespace}`, ...this.#patience };
    const answer = String(await this.frames.next(isAnswer(prefix), connecting));
    if (answer.startsWith('44')) throw new Error(answer);
    return JSON.parse(answer.slice(2 + prefix.length)) as { sid: string };
  }

  emit(topic: string, args: readonly unknown[] = [], ack?: number): void {
    this.send(`42${ack ?? ''}${JSON.stringify([topic, ...args])}`);
  }

  async event(topic: string, timeout?: number): Promise<unknown[]> {
    const start = `42[${JSON.stringify(topic)}`;
    const patience = { what: `event ${topic}`, ...(timeout === undefined ? {} : { timeout }) };
    const frame = await this.frames.next((it) => typeof it === 'string' && it.startsWith(start), patience);
    return (JSON.parse(String(frame).slice(2)) as unknown[]).slice(1);
  }

  async ping(timeout?: number): Promise<void> {
    const answered = new Promise<void>((resolve) => this.#socket.once('pong', () => resolve()));
    this.#socket.ping();
    await within(answered, 'a pong', timeout);
  }

  pauseReading(): void {
    this.#socket.pause();
  }

  resumeReading(): void {
    this.#socket.resume();
  }

  close(code?: number): void {
    this.#socket.close(code);
  }

  terminate(): void {
    this.#socket.terminate();
  }

  async stop(): Promise<void> {
    this.#socket.resume();
    this.#socket.terminate();
    await this.closed;
  }
}

function isAnswer(prefix: string): (frame: string | Buffer) => boolean {
  return (frame) => typeof frame === 'string' && (frame.startsWith(`40${prefix}`) || frame.startsWith(`44${prefix}`));
}

/** The server's answer to one HTTP request. */
export interface RawAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** One Engine.IO connection over HTTP long polling. */
export interface PollingPeer extends Stoppable {
  readonly sid: string;
  /** The server's handshake. */
  readonly handshake: Readonly<Record<string, unknown>>;
  /** Sends a GET; resolves to the packets in the answer. Rejects with status and body if the status is not 200. */
  poll(timeout?: number): Promise<string[]>;
  /** Sends a POST with packets in Engine.IO's format. Resolves to the answer with any status. */
  post(...packets: string[]): Promise<RawAnswer>;
  /** Connects to a namespace, like {@link WebSocketPeer.connect}. Other packets are kept for the next `poll`. */
  connect(namespace?: string, auth?: unknown): Promise<{ sid: string }>;
  emit(topic: string, args?: readonly unknown[], ack?: number): Promise<RawAnswer>;
  /** Polls until `accepts` matches a packet, and resolves to it. Other packets are kept for the next call or `poll`. */
  next(accepts: (packet: string) => boolean, timeout?: number): Promise<string>;
}

/** Opens a polling session. Rejects if the status is not 200. */
export async function rawPolling(url: string, options: RawOptions = {}): Promise<PollingPeer> {
  const polling = track(new RawPolling(addressOf(url, 'polling', options), options));
  await polling.open();
  return polling;
}

class RawPolling implements PollingPeer {
  handshake: Readonly<Record<string, unknown>> = {};
  readonly #url: URL;
  readonly #options: RawOptions;
  readonly #agent = new Agent({ keepAlive: true });
  #kept: string[] = [];

  constructor(url: URL, options: RawOptions) {
    this.#url = url;
    this.#options = options;
  }

  get sid(): string {
    return String(this.handshake.sid);
  }

  async open(): Promise<void> {
    const [first = ''] = await this.poll();
    this.handshake = JSON.parse(first.slice(1)) as Record<string, unknown>;
    this.#url.searchParams.set('sid', this.sid);
  }

  async poll(timeout?: number): Promise<string[]> {
    if (this.#kept.length > 0) return this.#kept.splice(0);
    for (;;) {
      const { status, body } = await within(this.#ask('GET'), 'an answer to a poll', timeout);
      if (status !== 200) throw new Error(`polling was answered ${status}: ${body}`);
      const packets = body.split(SEPARATOR);
      if (this.#options.answerPings === false) return packets;
      const others = packets.filter((packet) => packet !== PING);
      if (others.length < packets.length) await this.post(PONG);
      if (others.length > 0) return others;
    }
  }

  post(...packets: string[]): Promise<RawAnswer> {
    return within(this.#ask('POST', packets.join(SEPARATOR)), 'an answer to a POST');
  }

  async connect(namespace = '/', auth?: unknown): Promise<{ sid: string }> {
    const prefix = namespace === '/' ? '' : `${namespace},`;
    await this.post(`40${prefix}${auth === undefined ? '' : JSON.stringify(auth)}`);
    const answer = await this.next(isAnswer(prefix));
    if (answer.startsWith('44')) throw new Error(answer);
    return JSON.parse(answer.slice(2 + prefix.length)) as { sid: string };
  }

  emit(topic: string, args: readonly unknown[] = [], ack?: number): Promise<RawAnswer> {
    return this.post(`42${ack ?? ''}${JSON.stringify([topic, ...args])}`);
  }

  async next(accepts: (packet: string) => boolean, timeout?: number): Promise<string> {
    const passed: string[] = [];
    for (;;) {
      const packets = await this.poll(timeout);
      const index = packets.findIndex(accepts);
      if (index < 0) passed.push(...packets);
      else {
        const [found = ''] = packets.splice(index, 1);
        this.#kept = [...passed, ...packets, ...this.#kept];
        return found;
      }
    }
  }

  #ask(method: 'GET' | 'POST', body?: string): Promise<RawAnswer> {
    return new Promise((resolve, reject) => {
      const headers = {
        ...this.#options.headers,
        ...(body === undefined ? {} : { 'content-type': 'text/plain;charset=UTF-8' }),
      };
      const asked = request(this.#url, { method, agent: this.#agent, headers }, (answer) => {
        const chunks: Buffer[] = [];
        answer.on('data', (chunk: Buffer) => chunks.push(chunk));
        answer.on('error', reject);
        answer.on('end', () => {
          resolve({
            status: answer.statusCode ?? 0,
            headers: answer.headers,
            body: Buffer.concat(chunks).toString('utf8'),
          });
        });
      });
      asked.on('error', reject);
      asked.end(body);
    });
  }

  stop(): void {
    this.#agent.destroy();
  }
}

function addressOf(url: string, transport: string, options: RawOptions): URL {
  const target = new URL(options.path ?? '/socket.io/', url);
  for (const [name, value] of Object.entries({ EIO: '4', transport, ...options.query }))
    target.searchParams.set(name, value);
  return target;
}
