import type { Act, Emit, Step } from './plan.js';

/** An entry of a program's trace, in the order of execution. */
export type TallyEntry =
  /**
   * Messages were sent, numbered from `n`. `told`: the `onAnyOutgoing` listeners called meanwhile, as `[client, n]`.
   */
  | { readonly did: 'emit'; readonly n: number; readonly what: Emit; readonly told: readonly [number, number][] }
  | { readonly did: 'act'; readonly what: Exclude<Act, Emit> }
  /** A socket of the client connected. `member`: broadcasts reach it from here on. */
  | { readonly did: 'come'; readonly client: number; readonly nsp: number; readonly member: boolean }
  | { readonly did: 'admit'; readonly client: number }
  /** The program was notified of its disconnect. */
  | { readonly did: 'go'; readonly client: number; readonly nsp: number }
  /** A barrier between earlier and later messages, on either side. */
  | { readonly did: 'send barrier' | 'hear barrier' };

export interface MixReport {
  readonly trace: readonly TallyEntry[];
  /** Calls of `onAnyOutgoing` that no act of this instance caused. */
  readonly late: readonly [client: number, n: number][];
  /** The answers by number, and how often each was given. */
  readonly answers: Readonly<Record<string, { readonly times: number; readonly of: unknown }>>;
}

export interface Begin {
  readonly name: string;
  /** This instance numbers its messages `origin` modulo 2. */
  readonly origin: number;
  /** Whether clients must authenticate. */
  readonly gated: boolean;
}

/** The interface for the tests. */
export interface Mix {
  begin(options: Begin): void;
  know(ids: readonly (readonly (string | null)[])[]): void;
  run(steps: readonly Step[]): Promise<void>;
  /** Resolves once this instance has received that many barriers of others. */
  barrier(heard: number): Promise<void>;
  /** From here on, acts of peers are ignored. */
  stop(): void;
  marks(own: readonly number[], others: readonly (readonly [client: number, nsp: number])[]): void;
  report(awaited: readonly number[]): Promise<MixReport>;
  clear(): Promise<void>;
}

/** The part of Socket.IO's emitter that is used here. */
export interface Emitter {
  readonly volatile: Emitter;
  readonly local: Emitter;
  compress(it: boolean): Emitter;
  timeout(ms: number): Emitter;
  to(rooms: string[]): Emitter;
  except(rooms: string[]): Emitter;
  emit(topic: string, ...args: unknown[]): unknown;
}

export interface Served extends Emitter {
  readonly id: string;
  readonly connected: boolean;
  readonly broadcast: Emitter;
  readonly handshake: { readonly auth: Readonly<Record<string, unknown>> };
  readonly conn: {
    readonly transport: { readonly socket?: { bufferedAmount?: number; getBufferedAmount?(): number } };
    readonly writeBuffer?: readonly unknown[];
    once(event: string, listener: () => void): void;
    close(): void;
  };
  on(event: string, listener: (...args: never[]) => void): void;
  join(room: string): void;
  leave(room: string): void;
  onAnyOutgoing(listener: (...args: unknown[]) => void): void;
  offAnyOutgoing(listener: (...args: unknown[]) => void): void;
  disconnect(close?: boolean): void;
}
