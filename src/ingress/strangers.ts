import type { Reporter } from '../ports/reports.js';
import type { Runtime } from '../ports/runtime.js';
import type { Wire } from '../ports/wire.js';
import { connectionIdOf } from '../socketio/engine-transport.js';
import type { ClientAddresses } from './client-address.js';
import { STRANGER_MESSAGE_BYTES } from './limits.js';
import { PacketFilter } from './packets.js';
import type { IngressReport, StrangerLimit } from './reports.js';

export interface StrangersOptions {
  readonly runtime: Runtime;
  /** Connections that are not authenticated, at a time. */
  readonly most: number;
  /** The same from one address; Infinity: any number. */
  readonly mostPerAddress: number;
  readonly addresses: ClientAddresses;
  readonly isOwnParser: boolean;
  /** Called with the connection that must end, because a limit was exceeded. It is no longer counted. */
  readonly giveWay: (oldest: Wire, limit: StrangerLimit) => void;
  readonly report: Reporter<IngressReport>;
}

/**
 * The connections of an instance that are not authenticated, with a limit for each address and one for all of them. Above a
 * limit, the oldest connection that has not asked to authenticate is closed. A new connection is never refused, because after a
 * deployment all connections are new.
 */
export class Strangers {
  readonly #options: StrangersOptions;
  readonly #filter: PacketFilter;
  /** In the order in which they came. */
  readonly #waiting = new Set<Wire>();
  readonly #asking = new Set<Wire>();
  readonly #stripped = new WeakSet<Wire>();
  readonly #byAddress = new Map<string, Set<Wire>>();
  /** The key of a connection in that map. */
  readonly #addressOf = new Map<Wire, string>();

  constructor(options: StrangersOptions) {
    this.#options = options;
    const { report, isOwnParser } = options;
    this.#filter = new PacketFilter({
      isOwnParser,
      stripped: (connection) => {
        this.#stripped.add(connection);
        report({ type: 'auth_too_large', client: connectionIdOf(connection), maxBytes: STRANGER_MESSAGE_BYTES });
      },
      dropped: (connection, why) => report({ type: 'event_dropped', client: connectionIdOf(connection), reason: why }),
    });
  }

  /** Adds a new connection of the engine, once Socket.IO listens to it. */
  add(stranger: Wire): void {
    const { runtime, most, mostPerAddress, addresses } = this.#options;
    addresses.notice(stranger);
    this.#filter.guard(stranger);
    runtime.limit(stranger, (start) => this.#filter.dropped(stranger, start));
    this.#waiting.add(stranger);
    if (this.#waiting.size + this.#asking.size > most) {
      this.#makeRoom(stranger, [this.#waiting, this.#asking], 'unauthenticated_connections');
    }
    if (mostPerAddress !== Number.POSITIVE_INFINITY) this.#countAddress(stranger, mostPerAddress);
  }

  /** The connection has asked to authenticate. */
  ask(stranger: Wire): void {
    if (this.#waiting.delete(stranger)) this.#asking.add(stranger);
  }

  /** Whether the connection's `auth` was too large, and was removed from its handshake. */
  isStripped(stranger: Wire): boolean {
    return this.#stripped.has(stranger);
  }

  /** The connection is authenticated, or has joined a namespace of the program. */
  admit(stranger: Wire): void {
    if (!this.#forget(stranger)) return;
    this.#filter.lift(stranger);
    this.#options.runtime.lift(stranger);
  }

  /** The connection is gone. */
  remove(stranger: Wire): void {
    this.#forget(stranger);
  }

  #forget(stranger: Wire): boolean {
    const wasThere = this.#waiting.delete(stranger) || this.#asking.delete(stranger);
    const address = this.#addressOf.get(stranger);
    if (address !== undefined) this.#forgetAddress(stranger, address);
    return wasThere;
  }

  #forgetAddress(stranger: Wire, address: string): void {
    this.#addressOf.delete(stranger);
    const neighbors = this.#byAddress.get(address);
    if (neighbors?.delete(stranger) && neighbors.size === 0) this.#byAddress.delete(address);
  }

  #countAddress(stranger: Wire, most: number): void {
    const address = this.#options.addresses.counted(stranger);
    if (address === undefined) return;
    this.#addressOf.set(stranger, address);
    const neighbors = this.#byAddress.get(address) ?? new Set();
    this.#byAddress.set(address, neighbors);
    neighbors.add(stranger);
    if (neighbors.size <= most) return;
    const waiting = [...neighbors].filter((each) => this.#waiting.has(each));
    this.#makeRoom(stranger, [waiting, neighbors], 'unauthenticated_per_address');
  }

  /** The oldest connection of the first list that has one other than the new one is to end. */
  #makeRoom(newcomer: Wire, lists: readonly Iterable<Wire>[], limit: StrangerLimit): void {
    const oldest = lists.map((list) => firstBut(newcomer, list)).find((each) => each !== undefined);
    if (oldest === undefined) return;
    this.#forget(oldest);
    this.#options.giveWay(oldest, limit);
  }
}

function firstBut<T>(excluded: T, of: Iterable<T>): T | undefined {
  for (const one of of) if (one !== excluded) return one;
  return undefined;
}
