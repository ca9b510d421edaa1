import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { type Stoppable, track } from './cleanup.js';
import { unusedPort } from './facts.js';

const HOST = '127.0.0.1';

/** A TCP connection between two peers, controlled by the test. */
export interface RunningProxy extends Stoppable {
  readonly port: number;
  /** The number of open connections. */
  readonly connections: number;
  /** The number of connections accepted so far. */
  readonly accepted: number;
  /** Resets every connection on both sides. New ones are accepted. */
  cut(): void;
  /** Holds all data in both directions, and closes no connection. New connections are accepted. */
  blackhole(): void;
  /** Holds all data of the connections that are open now, forever. New connections are forwarded. */
  strand(): void;
  /** Ends a black hole; the held data arrives now, as after a network repair. */
  heal(): void;
  /** Refuses new connections (`ECONNREFUSED`). Open ones continue. */
  refuse(): Promise<void>;
  /** Ends a `refuse()`. */
  accept(): Promise<void>;
}

/** Forwards TCP from its own port to `target` on 127.0.0.1 (a port, or host and port). */
export async function startProxy(options: { target: number | { host?: string; port: number } }): Promise<RunningProxy> {
  const target = typeof options.target === 'number' ? { port: options.target } : options.target;
  const proxy = new TcpProxy(target.host ?? HOST, target.port, await unusedPort());
  await proxy.accept();
  return track(proxy);
}

interface Pair {
  readonly near: Socket;
  readonly far: Socket;
  isStranded: boolean;
}

class TcpProxy implements RunningProxy {
  readonly port: number;
  readonly #host: string;
  readonly #target: number;
  readonly #pairs = new Set<Pair>();
  #listener: Server | undefined;
  #holding = false;
  #accepted = 0;

  constructor(host: string, target: number, port: number) {
    this.#host = host;
    this.#target = target;
    this.port = port;
  }

  get connections(): number {
    return this.#pairs.size;
  }

  get accepted(): number {
    return this.#accepted;
  }

  cut(): void {
    for (const { near, far } of this.#pairs) {
      near.resetAndDestroy();
      far.resetAndDestroy();
    }
  }

  blackhole(): void {
    this.#holding = true;
    for (const pair of this.#pairs) hold(pair);
  }

  strand(): void {
    for (const pair of this.#pairs) {
      pair.isStranded = true;
      hold(pair);
    }
  }

  heal(): void {
    this.#holding = false;
    for (const pair of this.#pairs) if (!pair.isStranded) forward(pair);
  }

  async refuse(): Promise<void> {
    const listener = this.#listener;
    this.#listener = undefined;
    // Does not await 'close': that comes only once the open connections have ended too.
    listener?.close();
    await Promise.resolve();
  }

  async accept(): Promise<void> {
    if (this.#listener !== undefined) return;
    const listener = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (near) => this.#onConnection(near));
    this.#listener = listener;
    listener.listen(this.port, HOST);
    await once(listener, 'listening');
  }

  async stop(): Promise<void> {
    await this.refuse();
    this.cut();
  }

  #onConnection(near: Socket): void {
    this.#accepted += 1;
    const far = connect({ host: this.#host, port: this.#target, allowHalfOpen: true });
    const pair = { near, far, isStranded: false };
    this.#pairs.add(pair);
    near.setNoDelay(true);
    far.setNoDelay(true);
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      // A reset on one side becomes a reset on the other; the 'close' that follows does that.
      one.on('error', () => undefined);
      one.once('close', (failed) => {
        this.#pairs.delete(pair);
        if (failed) other.resetAndDestroy();
        else other.destroy();
      });
    }
    if (!this.#holding) forward(pair);
  }
}

function forward({ near, far }: Pair): void {
  near.pipe(far);
  far.pipe(near);
}

function hold({ near, far }: Pair): void {
  near.unpipe(far).pause();
  far.unpipe(near).pause();
}
