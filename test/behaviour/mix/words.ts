import type { Act, Emit, Step } from './plan.js';

/** What was done in a program, in its order. */
export type TallyEntry =
  /** The numbers from `n` on were sent. `told`: the `onAnyOutgoing` listeners that were called meanwhile, as `[client, n]`. */
  | { readonly did: 'emit'; readonly n: number; readonly what: Emit; readonly told: readonly [number, number][] }
  | { readonly did: 'act'; readonly what: Exclude<Act, Emit> }
  /** A socket of the client is there; `member`: broadcasts reach it from here on. */
  | { readonly did: 'come'; readonly client: number; readonly nsp: number; readonly member: boolean }
  | { readonly did: 'admit'; readonly client: number }
  /** The program was told that it is gone. */
  | { readonly did: 'go'; readonly client: number; readonly nsp: number }
  /** A barrier between what was sent before and after it, on either side. */
  | { readonly did: 'send barrier' | 'hear barrier' };

export interface MixReport {
  readonly trace: readonly TallyEntry[];
  /** Calls of `onAnyOutgoing` that nothing here caused at that moment. */
  readonly late: readonly [client: number, n: number][];
  /** By number: the answers, and how often they were given. */
  readonly answers: Readonly<Record<string, { readonly times: number; readonly of: unknown }>>;
}

export interface Begin {
  readonly name: string;
  /** Numbers of this instance are `origin` modulo 2. */
  readonly origin: number;
  /** Whether a client has to be let in. */
  readonly gated: boolean;
}

/** What the tests have of it. */
export interface Mix {
  begin(options: Begin): void;
  know(ids: readonly (readonly (string | null)[])[]): void;
  run(steps: readonly Step[]): Promise<void>;
  /** Resolves once this instance has heard so many barriers of others. */
  barrier(heard: number): Promise<void>;
  /** From here on nothing is done that a peer causes. */
  stop(): void;
  marks(own: readonly number[], others: readonly (readonly [client: number, nsp: number])[]): void;
  report(awaited: readonly number[]): Promise<MixReport>;
  clear(): Promise<void>;
}

/** Socket.IO's own, as far as it is used here. */
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
