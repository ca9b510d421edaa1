import { EventEmitter } from 'node:events';

/** A connection of engine.io without a network: it hands what the server writes to `wrote`, and receives what the test sends. */
export class RaceWire extends EventEmitter {
  readonly id: string;
  readonly protocol = 4;
  readonly remoteAddress = '127.0.0.1';
  readonly transport = { name: 'polling', writable: true };
  readonly request = { headers: {}, connection: {}, url: '/', _query: {} };
  readonly writeBuffer: unknown[] = [];
  readyState: 'open' | 'closing' | 'closed' = 'open';
  readonly #wrote: (packet: string) => void;

  constructor(id: string, wrote: (packet: string) => void) {
    super();
    this.id = id;
    this.#wrote = wrote;
  }

  write(packet: unknown): this {
    this.#wrote(String(packet));
    return this;
  }

  send(packet: unknown): this {
    return this.write(packet);
  }

  /** The peer confirms a close only with `cut`, unless the server does not wait for it. */
  close(discard?: boolean): this {
    if (discard === true) this.cut();
    else if (this.readyState === 'open') this.readyState = 'closing';
    return this;
  }

  receive(packet: string): void {
    if (this.readyState === 'open') this.emit('data', packet);
  }

  /** The connection is gone. */
  cut(): void {
    if (this.readyState === 'closed') return;
    this.readyState = 'closed';
    this.emit('close', 'transport close');
  }
}
