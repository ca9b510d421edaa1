import type { End } from './ends.js';

/** Who a client is, as `authenticateFn` says it. `level`: the only claim that does not change with each token. */
export interface Identity {
  readonly user: string;
  readonly session: string;
  readonly issuedAt: number;
  readonly expiresAt: number | undefined;
  readonly level: number;
}

/** The names of clients in a call of the program. */
export type Who =
  | { readonly kind: 'user'; readonly name: string }
  | { readonly kind: 'session'; readonly name: string }
  | { readonly kind: 'id'; readonly name: string };

/** A room that a client is in, and who put it there. */
export interface Stay {
  readonly by: 'guard' | 'program';
  /** Undefined if the stay does not end by itself. */
  readonly end: End | undefined;
}

/** One session of a client: its connection, and what was decided about it. */
export interface Client {
  readonly wire: string;
  readonly instance: number;
  /** Who it will be; undefined if `authenticateFn` returns `true`. */
  readonly user: string | undefined;
  readonly session: string;
  /** The id of its socket. */
  id: string | undefined;
  /** Undefined until it is authenticated, and with `true`. */
  identity: Identity | undefined;
  state: 'connected' | 'asking' | 'in' | 'out';
  /** When it has to be authenticated, by `performance.now()`. */
  readonly deadline: number;
  /** When the program was asked about its identity, first and last, by `performance.now()`. */
  admittedAt: number;
  end: End | undefined;
  renewal: Renewal | undefined;
  readonly rooms: Map<string, Stay>;
  /** By room: requests until then are withdrawn. */
  readonly withdrawn: Map<string, number>;
  /** By room: verdicts of a guard that was asked until then do not count. */
  readonly outdated: Map<string, number>;
  /** By room: the last recheck that has begun while the client was in it. */
  readonly rechecks: Map<string, Recheck>;
  /** Whether `clientConnectedFn` runs, and the rooms that were revoked meanwhile. */
  isConnecting: boolean;
  readonly withheld: Set<string>;
}

export interface Renewal {
  readonly startedAt: number;
  isPending: boolean;
}

/** A `join`. */
export class Request {
  readonly client: Client;
  /** Without the rooms from which the client is barred. */
  readonly rooms: readonly string[];
  /** The moment at which it arrived. */
  readonly at: number;
  readonly decisions = new Map<string, Decision>();

  constructor(client: Client, rooms: readonly string[], at: number) {
    this.client = client;
    this.rooms = rooms;
    this.at = at;
  }
}

export interface Decision {
  readonly answer: Answer;
  /** When the guard was asked. */
  readonly askedAt: number;
}

/** What the guard says about a room: granted, up to a moment or without end; refused; or nothing, because it failed. */
export type Answer = { readonly until: number | undefined } | 'refused' | 'failed';

/** Clients about which the guard is asked again with one call. */
export interface Recheck {
  readonly clients: readonly Client[];
  readonly rooms: readonly string[];
}

export function newClient(given: Pick<Client, 'wire' | 'instance' | 'user' | 'session' | 'deadline'>): Client {
  return {
    ...given,
    ...{ id: undefined, identity: undefined, state: 'connected', admittedAt: 0 },
    ...{ end: undefined, renewal: undefined, isConnecting: false, withheld: new Set() },
    ...{ rooms: new Map(), withdrawn: new Map(), outdated: new Map(), rechecks: new Map() },
  };
}

export function isNamed({ id, identity }: Client, { kind, name }: Who): boolean {
  if (kind === 'id') return id === name;
  return identity?.[kind] === name;
}
