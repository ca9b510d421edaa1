import type { Server } from 'socket.io';
import { type BroadcastParts, Broadcasts, hasRecipients } from '../fanout/broadcasts.js';
import type { FanoutReport } from '../fanout/reports.js';
import type { AdapterFactory } from '../ports/backplane.js';
import type { Reporter } from '../ports/reports.js';
import { boundFetchAnswers } from '../socketio/fetch-answers.js';
import { Adapter } from '../socketio/packages.js';
import type { GateReport } from './reports.js';

type NamespaceOfAdapter = ConstructorParameters<typeof Adapter>[0];
type AdapterConstructor = new (namespace: NamespaceOfAdapter) => Adapter;

interface AdapterParts extends BroadcastParts {
  readonly report: Reporter<GateReport | FanoutReport>;
  /** Hears which socket of the namespace `/` is taken out of which room. */
  readonly left?: (id: string, room: string) => void;
}

/**
 * Who can be reached in a namespace. A socket that is not a member is not in the adapter: no broadcast finds it, be it
 * local, raw, from another instance or from a plain emitter, and none has to ask.
 *
 *   connect ──► held ──admit()──► member ──dismiss()──► held ──► gone
 *                 └───────────────── disconnect ─────────────────┘
 *
 * Rooms that the program gives to a socket that is held are kept, and stand once it is admitted.
 */
export class Membership {
  static readonly #byAdapter = new WeakMap<Adapter, Membership>();

  readonly #adapter: Adapter;
  readonly #held = new Map<string, Set<string>>();
  readonly #addAll: Adapter['addAll'];
  readonly #delAll: Adapter['delAll'];

  /** The membership of a guarded adapter. */
  static of(adapter: Adapter): Membership | undefined {
    return Membership.#byAdapter.get(adapter);
  }

  /**
   * Guards an adapter by replacing, on this one object, the four methods through which sockets enter and leave it. `left`
   * hears of every socket that is taken out of a room by name, also when it is not in that room.
   */
  constructor(adapter: Adapter, left: AdapterParts['left']) {
    const { addAll, del, delAll, socketRooms } = adapter;
    this.#adapter = adapter;
    this.#addAll = addAll.bind(adapter);
    this.#delAll = delAll.bind(adapter);
    Membership.#byAdapter.set(adapter, this);

    adapter.addAll = (id, rooms) => (this.isMember(id) ? this.#addAll(id, rooms) : this.#hold(id, rooms));
    adapter.del = (id, room) => {
      left?.(id, room);
      this.#held.get(id)?.delete(room);
      return del.call(adapter, id, room);
    };
    adapter.delAll = (id) => {
      this.#held.delete(id);
      this.#delAll(id);
    };
    adapter.socketRooms = (id) => this.#held.get(id) ?? socketRooms.call(adapter, id);
  }

  isMember(id: string): boolean {
    return this.#adapter.sids.has(id);
  }

  /** From here on the socket is reached by what is sent to it, to its rooms and to all. Harmless once it is gone. */
  admit(id: string, rooms: readonly string[]): Promise<void> | void {
    const held = this.#held.get(id);
    if (held === undefined) return;
    this.#held.delete(id);
    return this.#addAll(id, new Set([id, ...held, ...rooms]));
  }

  /** From here on nothing that is sent to rooms reaches the socket; what it was in can still be asked until it is gone. */
  dismiss(id: string): void {
    const rooms = this.#adapter.sids.get(id);
    if (rooms === undefined) return;
    const kept = new Set(rooms);
    this.#delAll(id);
    this.#held.set(id, kept);
  }

  #hold(id: string, rooms: Set<string>): void {
    const held = this.#held.get(id);
    if (held === undefined) this.#held.set(id, new Set(rooms));
    else for (const room of rooms) held.add(room);
  }
}

/** The adapter that Socket.IO shall use: `make`'s, or the one in memory, with the namespace `/` guarded. */
export function guardedAdapter(make: AdapterFactory | undefined, parts: AdapterParts): AdapterConstructor {
  return guarding(make ?? ((namespace) => new Adapter(namespace)), parts);
}

/** From here on, whatever adapter the program gives to the server is guarded too. */
export function guardLaterAdapters(io: Server, parts: AdapterParts): void {
  const plain = io.adapter.bind(io) as (...make: AdapterConstructor[]) => unknown;
  // Socket.IO tells reading from writing by the number of arguments.
  const guarded = (make?: AdapterConstructor): unknown =>
    make === undefined ? plain() : plain(guarding((namespace) => new make(namespace), parts));
  io.adapter = guarded as Server['adapter'];
}

function guarding(make: AdapterFactory, parts: AdapterParts): AdapterConstructor {
  // Socket.IO calls it with `new`, which an arrow function would not take.
  function Guarded(namespace: NamespaceOfAdapter): Adapter {
    const adapter = make(namespace);
    boundFetchAnswers(adapter, () => parts.report({ type: 'fetch_sockets_answer_dropped' }));
    // Inside of what decides on membership, so that it misses no change of it.
    if (hasRecipients(adapter)) new Broadcasts(adapter, parts);
    if (namespace.name === '/') new Membership(adapter, parts.left);
    return adapter;
  }
  return Guarded as unknown as AdapterConstructor;
}
