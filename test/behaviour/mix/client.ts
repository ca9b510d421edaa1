import { isDeepStrictEqual } from 'node:util';
import { Manager, NodeWebSocket, NodeXHR, type Socket } from 'socket.io-client';
import { within } from '../../support/facts.js';
import { type Kind, payloadOf } from './payloads.js';
import { type Act, type ClientPlan, NAMESPACES } from './plan.js';
import { RawSession } from './raw.js';
import { startWire, type Wire } from './wire.js';

/** For facts that become true if nothing is broken. */
const PATIENCE_MS = 15_000;
/** engine.io checks every 100 ms whether it can complete the upgrade. */
const UPGRADE_MS = 300;

/** Stands for `authenticated` among the numbers of messages. */
export const ADMITTED = -1;

export interface Visitor {
  readonly run: string;
  readonly client: number;
  readonly plan: ClientPlan;
  readonly gated: boolean;
  /** Whether a phase needs a proxy for this client. */
  readonly wired: boolean;
}

/** One Socket.IO client implementation, with both namespaces on one connection. */
export interface MemorySession {
  emit(nsp: number, topic: string, args: readonly unknown[], answer?: () => void): void;
  /** Resolves when the upgrade is complete, after `patienceMs` at the latest. */
  upgrade(patienceMs?: number): Promise<void>;
  close(): void;
}

export interface Ears {
  connected(nsp: number, id: string): void;
  event(nsp: number, args: readonly unknown[], answer?: (of: unknown) => void): void;
  ended(reason: string): void;
}

/** A client, and everything that it received. */
export class MixClient {
  readonly visitor: Visitor;
  readonly ids: (string | null)[] = [null, null];
  /** Numbers of the received messages of both namespaces, in the order of the connection. */
  readonly heard: (readonly [nsp: number, n: number])[] = [];
  readonly faults: string[] = [];
  ending: string | undefined;
  readonly #marks: string[] = [];
  readonly #watchers = new Set<() => void>();
  #session: MemorySession | undefined;
  #wire: Wire | undefined;
  readonly #pokes = new Set<symbol>();

  constructor(visitor: Visitor) {
    this.visitor = visitor;
  }

  async start(url: string): Promise<void> {
    if (this.visitor.wired) this.#wire = await startWire(url);
    const ears: Ears = {
      connected: (nsp, id) => this.#note(() => this.ids.splice(nsp, 1, id)),
      event: (nsp, args, answer) => this.#note(() => this.#hear(nsp, args, answer)),
      ended: (reason) => this.#note(() => this.#end(reason)),
    };
    const { plan, gated } = this.visitor;
    const open = plan.way === 'raw' ? RawSession.open : openLibrary;
    this.#session = await open(this.#wire?.url ?? url, this.visitor, ears);
    await this.until(() => this.ids[0] !== null && (!plan.other || this.ids[1] !== null), 'a connection');
    if (!gated) return;
    this.#session.emit(0, 'authenticate', []);
    if (plan.admitted) await this.until(() => this.heard.length > 0, 'to be authenticated');
  }

  /** Performs an act of the peer. */
  act(what: 'pause' | 'resume' | 'upgrade' | 'close' | 'reset' | 'fin'): void {
    if (what === 'upgrade') void this.#session?.upgrade();
    else if (what === 'close') this.#session?.close();
    else this.#wire?.[what]();
  }

  /** Resolves when the client uses WebSocket, or after a short time: a paused or ended peer never does. */
  async upgrade(): Promise<void> {
    await this.#session?.upgrade(UPGRADE_MS);
  }

  /** Does nothing before authentication: the server would ignore it, and no answer would come. */
  poke(acts: readonly Act[]): void {
    const { gated } = this.visitor;
    if (this.ending !== undefined || (gated && !this.heard.some(([, n]) => n === ADMITTED))) return;
    const poke = Symbol('poke');
    this.#pokes.add(poke);
    this.#session?.emit(0, 'poke', [acts], () => this.#note(() => this.#pokes.delete(poke)));
  }

  /** Resolves once every act that this client caused was performed. */
  async poked(): Promise<void> {
    await this.until(() => this.#pokes.size === 0 || this.ending !== undefined, 'answers to what it emitted');
  }

  async marked(marks: readonly string[]): Promise<void> {
    await this.until(
      () => this.ending !== undefined || marks.every((mark) => this.#marks.includes(mark)),
      `its last marks: ${marks.join(', ')}`,
    );
  }

  async until(fact: () => boolean, what: string): Promise<void> {
    const { client, plan } = this.visitor;
    let look = (): void => {};
    const come = new Promise<void>((resolve) => {
      look = () => {
        if (fact()) resolve();
      };
      this.#watchers.add(look);
      look();
    });
    const heard = (): string => `; it heard ${this.heard.length} messages, and ended: ${this.ending}`;
    await within(come, '', PATIENCE_MS)
      .catch(() => {
        throw new Error(`client ${client} (${plan.way}) waited in vain for ${what}${heard()}`);
      })
      .finally(() => this.#watchers.delete(look));
  }

  stop(): void {
    this.#session?.close();
    this.#wire?.stop();
  }

  #end(reason: string): void {
    this.ending ??= reason;
  }

  #note(change: () => unknown): void {
    change();
    for (const look of this.#watchers) look();
  }

  #hear(nsp: number, [topic, ...args]: readonly unknown[], answer?: (of: unknown) => void): void {
    if (topic === 'ping') return;
    if (topic === 'end') this.#marks.push(String(args[0]));
    else if (topic === 'authenticated') this.heard.push([nsp, ADMITTED]);
    else if (topic !== 'm') this.faults.push(`heard "${String(topic)}" ${JSON.stringify(args).slice(0, 200)}`);
    else {
      const [n, kind, ...payload] = (args.length === 1 && Array.isArray(args[0]) ? args[0] : args) as [number, Kind];
      this.heard.push([nsp, n]);
      if (!isDeepStrictEqual(payload, payloadOf(kind, n)))
        this.faults.push(`message ${n} ("${kind}") came with ${JSON.stringify(payload)?.slice(0, 200)}`);
      answer?.(kind === 'bytes' ? Buffer.from([this.visitor.client]) : this.visitor.client);
    }
  }
}

export function authOf({ run, client, plan }: Visitor): Record<string, unknown> {
  return { token: 'good', run, client, hold: !plan.admitted };
}

/** `socket.io-client`. It starts an upgrade only when told. */
async function openLibrary(url: string, visitor: Visitor, ears: Ears): Promise<MemorySession> {
  const { plan } = visitor;
  let release = (): void => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  class LateWebSocket extends NodeWebSocket {
    override doOpen(): this {
      void released.then(() => this.readyState === 'opening' && super.doOpen());
      return this;
    }
  }
  const transports = plan.way === 'upgrade' ? [NodeXHR, LateWebSocket] : [plan.way];
  const manager = new Manager(url, {
    transports: transports as never,
    reconnection: false,
    autoConnect: false,
    rejectUnauthorized: false,
    perMessageDeflate: (plan.deflate ? { threshold: 0 } : false) as never,
  });
  const sockets: Socket[] = [];
  for (const [nsp, name] of NAMESPACES.entries()) {
    if (nsp === 1 && !plan.other) continue;
    const socket = manager.socket(name, { auth: authOf(visitor) });
    socket.on('connect', () => ears.connected(nsp, socket.id ?? ''));
    socket.onAny((...args: unknown[]) => {
      const last = args.at(-1);
      if (typeof last === 'function') ears.event(nsp, args.slice(0, -1), last as (of: unknown) => void);
      else ears.event(nsp, args);
    });
    sockets.push(socket);
    if (nsp === 0) socket.on('disconnect', (reason) => ears.ended(reason));
    socket.connect();
  }
  return {
    emit: (nsp, topic, args, answer) =>
      void sockets[nsp]?.emit(topic, ...args, ...(answer === undefined ? [] : [answer])),
    upgrade: (patienceMs = 0) =>
      new Promise((resolve) => {
        release();
        const { engine } = manager;
        if (plan.way !== 'upgrade' || engine.transport.name === 'websocket') resolve();
        for (const event of ['upgrade', 'close'] as const) engine.once(event, () => resolve());
        setTimeout(resolve, patienceMs);
      }),
    // Closes the connection without a Socket.IO packet.
    close: () => manager._close(),
  };
}
