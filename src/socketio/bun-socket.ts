import type { Wire } from '../ports/wire.js';
import { pollDrain, stopPollingDrain } from './bun-drains.js';
import type { BunSocket } from './bun-send.js';
import type { BunWebSocket, MessageBody } from './bun-types.js';

/** The states of a WebSocket, as the standard numbers them. */
const OPEN = 1;
const CLOSING = 2;

/** The code of a WebSocket that is closed since a message was too large (RFC 6455, section 7.4.1). */
export const TOO_LARGE = 1009;
/** What a unit of a string's length takes in UTF-8, at the most. */
const BYTES_OF_A_UNIT = 3;

/** How often a peer is checked for having read what was sent to it before its connection was closed. */
const DRAIN_CHECK_MS = 20;

/** Whether a message has no more bytes than that. Counted only where the length of a text doesn't tell. */
export function isWithin(mostBytes: number, message: MessageBody): boolean {
  if (typeof message !== 'string') return message.byteLength <= mostBytes;
  return message.length * BYTES_OF_A_UNIT <= mostBytes || Buffer.byteLength(message) <= mostBytes;
}

export interface GuardedSocketOptions {
  /** How long a peer may take to read what was sent to it before the end, in milliseconds. */
  readonly closeTimeoutMs: number;
  /** Bun dropped a message, with so many bytes waiting: the stream to this peer would go on with a hole in it. */
  readonly dropped: (waitingBytes: number) => void;
  /** Whether pongs are heard: handlers that a program wrote by hand may lack one for them. */
  readonly hearsPongs: () => boolean;
}

interface Ending {
  /** Looks whether the peer has read. */
  draining: NodeJS.Timeout | undefined;
  /** Cuts the connection where closing takes too long. */
  readonly cutting: NodeJS.Timeout;
  closeAtPong: (() => void) | undefined;
}

/** A sender that sends past the guarded socket. */
export interface DirectSocketUser {
  /** Nothing may go out any more. */
  stop(): void;
}

/** What a sender uses of a guarded socket. */
export type DirectSocket = Pick<GuardedBunSocket, 'bypass' | 'lost' | 'afterDrain' | 'close'>;

/**
 * What the engine gets in place of a WebSocket of Bun. Nothing goes out behind a message that Bun dropped, and closing waits
 * for the peer to read, within limits: Bun's own close drops what waits (1.2), or never ends where the peer reads nothing.
 *
 * Once Bun was told to close a WebSocket nothing else ends it, and Bun waits up to 16 s for the peer. So the peer is pinged
 * first, and Bun is told to close when the pong comes: it has read all that was sent. Without a pong the connection is cut.
 */
export class GuardedBunSocket implements BunWebSocket {
  readonly #webSocket: BunWebSocket & Partial<BunSocket>;
  readonly #options: GuardedSocketOptions;
  /** The wire that began with this WebSocket. */
  wire: Wire | undefined = undefined;
  /** What runs while it is being closed; one object for all of it, as most WebSockets are open. */
  #ending: Ending | undefined;
  #drained: (() => void) | undefined;
  #ended = false;
  #user: DirectSocketUser | undefined;

  constructor(webSocket: BunWebSocket, options: GuardedSocketOptions) {
    this.#webSocket = webSocket;
    this.#options = options;
  }

  get data(): BunWebSocket['data'] {
    return this.#webSocket.data;
  }

  get readyState(): number {
    return this.#ended && this.#webSocket.readyState === OPEN ? CLOSING : this.#webSocket.readyState;
  }

  /** Bytes that the peer has not taken. */
  get bufferedAmount(): number {
    return this.#waitingBytes();
  }

  send(data: string | ArrayBuffer | ArrayBufferView): number {
    if (this.readyState !== OPEN) return 0;
    const sent = this.#webSocket.send(data);
    // Of an empty message no byte goes out, and nothing is missing.
    if (sent === 0 && (typeof data === 'string' ? data.length : data.byteLength) > 0) this.#drop();
    return sent;
  }

  /**
   * The WebSocket itself, for a sender that sends past this until it is told to stop: to look here first would cost a part of each
   * send. Undefined where nothing may go out any more.
   */
  bypass(user: DirectSocketUser): BunSocket | undefined {
    if (this.#ended) return undefined;
    this.#user = user;
    return this.#webSocket as BunSocket;
  }

  /** Bun dropped what was sent past this. */
  lost(): void {
    if (!this.#ended) this.#drop();
  }

  /** Calls `then` once the peer has taken what waits; never where the connection ends before. */
  afterDrain(then: () => void): void {
    this.#drained = then;
    pollDrain(this);
  }

  /** Bun says that more of what waited went out, or it is polled. */
  drained(): void {
    const then = this.#drained;
    if (then === undefined || this.#waitingBytes() > 0) return;
    this.#stopPolling();
    then();
  }

  close(code?: number, reason?: string): void {
    if (this.#ended) return;
    this.#end();
    const cutting = setTimeout(() => this.terminate(), this.#options.closeTimeoutMs).unref();
    const ending: Ending = { draining: undefined, cutting, closeAtPong: undefined };
    this.#ending = ending;
    if (this.#waitingBytes() === 0) {
      this.#closeOnceRead(ending, code, reason);
      return;
    }
    ending.draining = setInterval(() => {
      if (this.#webSocket.readyState !== OPEN) this.gone();
      else if (this.#waitingBytes() === 0) {
        clearInterval(ending.draining);
        this.#closeOnceRead(ending, code, reason);
      }
    }, DRAIN_CHECK_MS).unref();
  }

  /** Bun says that a pong came. */
  ponged(): void {
    const { closeAtPong } = this.#ending ?? {};
    if (this.#ending !== undefined) this.#ending.closeAtPong = undefined;
    closeAtPong?.();
  }

  /** Cuts it, whatever the peer does. */
  terminate(): void {
    this.gone();
    this.#webSocket.terminate();
  }

  /** Bun says that it is closed. */
  gone(): void {
    this.#end();
    clearInterval(this.#ending?.draining);
    clearTimeout(this.#ending?.cutting);
    this.#ending = undefined;
  }

  #closeOnceRead(ending: Ending, code: number | undefined, reason: string | undefined): void {
    const close = (): void => {
      clearTimeout(ending.cutting);
      this.#webSocket.close(code, reason);
    };
    if (this.#webSocket.ping === undefined || !this.#options.hearsPongs()) close();
    else {
      ending.closeAtPong = close;
      this.#webSocket.ping();
    }
  }

  #end(): void {
    this.#ended = true;
    this.#user?.stop();
    this.#stopPolling();
  }

  #stopPolling(): void {
    if (this.#drained === undefined) return;
    this.#drained = undefined;
    stopPollingDrain(this);
  }

  #waitingBytes(): number {
    return this.#webSocket.getBufferedAmount?.() ?? 0;
  }

  #drop(): void {
    this.#end();
    this.#options.dropped(this.#waitingBytes());
    // Not at once: Socket.IO is in the middle of a broadcast, and a close runs listeners of the program.
    setTimeout(() => this.terminate(), 0);
  }
}
