import type { Server } from 'socket.io';
import { type BroadcastParts, Broadcasts } from '../fanout/broadcasts.js';
import type { FanoutReport } from '../fanout/reports.js';
import type { AdapterFactory } from '../ports/backplane.js';
import type { Reporter } from '../ports/reports.js';
import { AdapterOwner } from '../socketio/adapter-owner.js';
import { boundFetchAnswers } from '../socketio/fetch-answers.js';
import { Adapter } from '../socketio/packages.js';
import { mapLaterAdapters } from '../socketio/socket-io.js';
import { addVirtualRooms, type FindVirtualRoom } from '../socketio/virtual-rooms.js';
import { Membership } from './membership.js';
import type { GateReport } from './reports.js';

interface AdapterParts extends BroadcastParts {
  readonly report: Reporter<GateReport | FanoutReport>;
  /** Called when a socket of the namespace `/` is removed from a room by name, even if it is not in that room. */
  readonly left?: (id: string, room: string) => void;
  /** Rooms that a socket of `/` may not enter now. */
  readonly withheld?: (id: string) => ReadonlySet<string> | undefined;
  /** Finds the sockets of `/` that a room of a user or session stands for. */
  readonly findClients?: FindVirtualRoom;
}

/** The factory of adapters for Socket.IO: those of `make`, or Socket.IO's own, with the namespace `/` guarded. */
export function guardedAdapter(make: AdapterFactory | undefined, parts: AdapterParts): AdapterFactory {
  return guarding(make ?? ((namespace) => new Adapter(namespace)), parts);
}

/** From now on each adapter that the program gives to the server is guarded too. */
export function guardLaterAdapters(io: Server, parts: AdapterParts): void {
  mapLaterAdapters(io, (make) => guarding(make, parts));
}

function guarding(make: AdapterFactory, parts: AdapterParts): AdapterFactory {
  // Not an arrow function, because Socket.IO calls it with `new`.
  return function Guarded(namespace) {
    const adapter = make(namespace);
    // The program may set the factory again that `io.adapter()` returned, whose adapters are guarded already.
    if (AdapterOwner.of(adapter) === undefined) guard(adapter, parts);
    return adapter;
  };
}

function guard(adapter: Adapter, parts: AdapterParts): void {
  const { report } = parts;
  boundFetchAnswers(adapter, () => report({ type: 'fetch_sockets_answer_dropped' }));
  const owner = new AdapterOwner(adapter, (client, error) =>
    report({ type: 'handler_failed', where: 'a subscriber to rooms', client, error }),
  );
  const broadcasts = new Broadcasts(owner, parts);
  // Subscribers get each change in this order. The lists of recipients are updated first, so that messages of later subscribers
  // reach the sockets that are in the room now.
  if (broadcasts.roomIndex !== undefined) owner.subscribe(broadcasts.roomIndex);
  if (adapter.nsp.name !== '/') return;
  if (parts.findClients !== undefined) addVirtualRooms(adapter, parts.findClients);
  const membership = new Membership(owner, parts.withheld);
  owner.setDoor(membership);
  owner.subscribe(membership);
  if (parts.left !== undefined) owner.subscribe({ left: parts.left });
}
