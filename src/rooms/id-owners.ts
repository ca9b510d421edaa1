import type { Instances } from '../ports/backplane/instances.js';
import type { IOServer } from '../ports/socket.js';
import { askForIds, EVENT_IDS } from '../socketio/adapters.js';
import type { IdOwner, SocketSearch } from './socket-search.js';

export interface IdOwnersOptions {
  readonly io: IOServer;
  readonly instances: Instances;
  readonly search: SocketSearch;
  /** Whether this instance has a socket of that id. */
  readonly hasSocket: (id: string) => boolean;
}

/**
 * Asks other servers whether names are their socket ids. Ids of Roomgate's instances have a form of their own. So this asks
 * for ids of plain Socket.IO servers, and of instances of version 0.1, that use the same adapter.
 */
export class IdOwners {
  readonly #options: IdOwnersOptions;

  constructor(options: IdOwnersOptions) {
    this.#options = options;
    // Other instances send it through the adapter. The program could emit it too, so its arguments are checked.
    options.io.on(
      EVENT_IDS as 'connection',
      ((names: unknown, answer: unknown) => this.#answer(names, answer)) as never,
    );
  }

  /** Never rejects. */
  async find(names: readonly string[], timeoutMs: number): Promise<ReadonlyMap<string, IdOwner>> {
    const { io, instances, search } = this.#options;
    const deadline = performance.now() + timeoutMs;
    const owners = new Map(await search.find(names, timeoutMs));
    const unknown = names.filter((name) => owners.get(name) === 'nowhere');
    if (unknown.length === 0) return owners;
    const left = Math.max(0, deadline - performance.now());
    // Every instance of Roomgate has answered by now.
    const servers = 1 + instances.others.length;
    const ids = await askForIds(io.sockets.adapter, unknown, { servers, timeoutMs: left });
    for (const name of unknown) {
      if (ids === undefined) owners.set(name, 'unanswered');
      else if (ids.has(name)) owners.set(name, 'elsewhere');
    }
    return owners;
  }

  #answer(names: unknown, answer: unknown): void {
    if (typeof answer !== 'function' || !Array.isArray(names)) return;
    answer(names.filter((name) => typeof name === 'string' && this.#options.hasSocket(name)));
  }
}
