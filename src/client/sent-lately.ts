import type { Socket } from 'socket.io-client';
import type { Sent } from './messages.js';

/**
 * Messages that were sent after `authenticated`, while the server may still fail to prepare for this client. In that case it says how
 * many events of this client it has handled. The messages after these reached no handler, so they are sent again.
 *
 * The server counts every event, including those of the raw socket, so they are counted here too. If an event is sent between
 * `authenticate` and `authenticated`, this client can't know whether it counts, and sends nothing again.
 */
export class SentLately {
  readonly #most: number;
  #socket: Socket | undefined;
  /** Events since `authenticated`. */
  #events = 0;
  #isExact = false;
  #kept: (Sent & { readonly place: number })[] = [];
  readonly #count = (): void => {
    this.#events += 1;
  };

  /** `most` limits the messages that are kept. */
  constructor(most: number) {
    this.#most = most;
  }

  /** `authenticate` was sent. */
  begin(socket: Socket): void {
    this.stop();
    this.#socket = socket;
    // After the listeners of the program: if one throws, the event is not sent and must not count.
    socket.onAnyOutgoing(this.#count);
  }

  authenticated(): void {
    this.#isExact = this.#socket !== undefined && this.#events === 0;
  }

  /** Call it after the message was sent. */
  keep(sent: Sent): void {
    if (!this.#isExact) return;
    this.#kept.push({ ...sent, place: this.#events });
    if (this.#kept.length > this.#most) this.#kept.shift();
  }

  /** Returns the messages after the first `handled` events, the oldest first, and keeps none. */
  take(handled: unknown): readonly Sent[] {
    const kept = this.#kept;
    this.stop();
    return typeof handled === 'number' ? kept.filter(({ place }) => place > handled) : [];
  }

  /** The connection ended, or has lasted. */
  stop(): void {
    this.#socket?.offAnyOutgoing(this.#count);
    this.#socket = undefined;
    this.#events = 0;
    this.#isExact = false;
    this.#kept = [];
  }
}
