import type { Wire } from '../ports/wire.js';
import { pollDrain, stopPollingDrain } from './bun-drains.js';
import type { BunSocket, BunWebSocket, MessageBody } from './bun-types.js';
import type { PacedMessages } from './paced-messages.js';
import { CLOSING, OPEN } from './ready-states.js';

/** The close code for a message that was too large (RFC 6455, section 7.4.1). */
export const TOO_LARGE = 1009;
/** The most bytes that one UTF-16 unit takes in UTF-8. */
const BYTES_OF_A_UNIT = 3;

/** Interval of the checks whether a peer has read everything that was sent before its connection was closed. */
const DRAIN_CHECK_MS = 20;

/** Whether a message is within a limit of bytes. Counts bytes only if the length of the text is not conclusive. */
export function isWithin(mostBytes: number, message: MessageBody): boolean {
  if (typeof message !== 'string') return message.byteLength <= mostBytes;
  return message.length * BYTES_OF_A_UNIT <= mostBytes || Buffer.byteLength(message) <= mostBytes;
}

export interface GuardedSocketOptions {
  /** Milliseconds that a peer has to read everything that was sent before the close. */
  readonly closeTimeoutMs: number;
  /** Bun dropped a message: the stream to this peer would have a gap. The argument is the number of buffered bytes. */
  readonly dropped: (waitingBytes: number) => void;
  /** Whether pongs are received: hand-written handlers may omit `pong`. */
  readonly hearsPongs: () => boolean;
}

interface Ending {
  /** Polls whether the peer has read. */
  draining: NodeJS.Timeout | undefined;
  /** Terminates the connection if closing takes too long. */
  readonly cutting: NodeJS.Timeout;
  closeAtPong: (() => void) | undefined;
}

/** A sender that sends past the guarded socket. */
export interface DirectSocketUser {
  /** From now on nothing may be sent. */
  stop(): void;
}

/** The part of a guarded socket that a sender uses. */
export type DirectSocket = Pick<GuardedBunSocket, 'bypass' | 'lost' | 'afterDrain' | 'close'>;

/**
 * The engine gets this in place of Bun's WebSocket. Nothing is sent after a message that Bun dropped. Closing waits for the
 * peer to read, within limits: Bun's own close drops buffered messages (1.2), or never ends if the peer reads nothing.
 *
 * After Bun's `close()` nothing else ends a WebSocket, and Bun waits up to 16 s for the peer. So the peer is pinged first, and
 * `close()` follows on the pong, when the peer has read everything. Without a pong the connection is cut.
 */
export class GuardedBunSocket implements BunWebSocket {
  readonly #webSocket: BunWebSocket & Partial<BunSocket>;
  readonly #options: GuardedSocketOptions;
  /** The wire that began with this WebSocket. */
  wire: Wire | undefined = undefined;
  /** Messages that came while it had no `input`. */
  received = 0;
  /** Paces the messages of a peer that has sent more than a few. */
  input: PacedMessages | undefined = undefined;
  /** Pings that were not counted yet, and when the rate of those before is used up by nothing; see `MessageRate`. */
  pings = 0;
  pingsFullAt = 0.5;
  /** The state of closing, in one object, because most WebSockets are open and need none of it. */
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

  get isOpen(): boolean {
    return this.readyState === OPEN;
  }

  /** Whether reading can be stopped. */
  get canPause(): boolean {
    return this.#webSocket.pause !== undefined && this.#webSocket.readyState === OPEN;
  }

  pause(): void {
    this.#webSocket.pause?.();
  }

  resume(): void {
    if (this.#webSocket.readyState === OPEN) this.#webSocket.resume?.();
  }

  /** Bytes that the peer has not read. */
  get bufferedAmount(): number {
    return this.#waitingBytes();
  }

  send(data: string | ArrayBuffer | ArrayBufferView): number {
    if (this.readyState !== OPEN) return 0;
    const sent = this.#webSocket.send(data);
    // An empty message has no bytes to drop.
    if (sent === 0 && (typeof data === 'string' ? data.length : data.byteLength) > 0) this.#drop();
    return sent;
  }

  /**
   * The WebSocket itself, for a sender that uses it directly until `stop()` is called: a check here would cost time at each
   * send. Undefined if nothing may be sent anymore.
   */
  bypass(user: DirectSocketUser): BunSocket | undefined {
    if (this.#ended) return undefined;
    this.#user = user;
    return this.#webSocket as BunSocket;
  }

  /** Bun dropped a message of a direct sender. */
  lost(): void {
    if (!this.#ended) this.#drop();
  }

  /** Calls `then` once the peer has read what is buffered; never if the connection ends before. */
  afterDrain(then: () => void): void {
    this.#drained = then;
    pollDrain(this);
  }

  /** Called on Bun's `drain`, and by polling. */
  drained(): void {
    const then = this.#drained;
    if (then === undefined || this.#waitingBytes() > 0) return;
    this.#stopPolling();
    then();
  }

  close(code?: number, reason?: string): void {
    if (this.#ended) return;
    this.#end();
    // Its pong has to be read.
    this.input?.drop();
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

  /** Closes it because of a message that is too large. */
  refuseLarge(): void {
    this.close(TOO_LARGE);
  }

  /** Called on Bun's `pong`. */
  ponged(): void {
    const { closeAtPong } = this.#ending ?? {};
    if (this.#ending !== undefined) this.#ending.closeAtPong = undefined;
    closeAtPong?.();
  }

  /** Terminates the connection, whatever the peer does. */
  terminate(): void {
    this.input?.drop();
    this.gone();
    this.#webSocket.terminate();
  }

  /** Called on Bun's `close`. */
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
    // Not now: Socket.IO may be in the middle of a broadcast, and a close runs listeners of the program.
    setTimeout(() => this.terminate(), 0);
  }
}
