import type { Adapter } from 'socket.io-adapter';
import type { PacketOptions, Recipient } from '../ports/fanout.js';
import type { PacketType } from './packages.js';

/** A packet of Socket.IO, before it is encoded. */
export interface BroadcastPacket {
  readonly type?: PacketType;
  readonly data?: unknown;
  readonly nsp?: string;
  /** Set if the packet asks for an acknowledgement. */
  readonly id?: number;
}

/** The recipients of a broadcast: the sockets in these rooms, or all sockets if there are no rooms. */
export interface BroadcastTarget {
  readonly rooms: ReadonlySet<string>;
  readonly except?: ReadonlySet<string>;
}

/** Private methods of Socket.IO's adapter. */
export interface AdapterInternals {
  /** Encodes a packet for many recipients, and stores the WebSocket frame in the options, which go to the engine. */
  _encode(packet: BroadcastPacket, options: PacketOptions): readonly unknown[];
  /** Calls `act` with each recipient of the target, one after another. */
  apply(target: BroadcastTarget, act: (socket: Recipient) => void): void;
}

type Probed = Pick<Adapter, 'addAll' | 'broadcast' | 'broadcastWithAck' | 'fetchSockets'> & AdapterInternals;
type AdapterClass = new (namespace: object) => Probed;

const ENCODED = ['2["probe"]'];
const BROADCAST = 'encoded,applied,heard,written';
const FETCH = 'applied';
const ACKNOWLEDGED = 'encoded with id,applied,heard,written';
const judged = new WeakMap<object, boolean>();

/**
 * Whether an adapter broadcasts as expected, tried with a namespace of one socket. It encodes the packet, and right after
 * that walks the recipients of the same target that it was given. For each it calls the outgoing listeners, then writes with
 * the same options that it encoded with. A broadcast with an acknowledgement has its id before it is encoded. Nothing else
 * encodes.
 */
export function broadcastsAsKnown(adapter: Adapter): boolean {
  const base = baseOf(adapter);
  if (base === undefined) return false;
  const known = judged.get(base);
  if (known !== undefined) return known;
  let holds = false;
  try {
    holds = probe(base.constructor as unknown as AdapterClass);
  } catch {
    // The class can't even be constructed as Socket.IO does it.
  }
  judged.set(base, holds);
  return holds;
}

/** The prototype of Socket.IO's own adapter, from which all others are derived. */
export function baseOf(adapter: Adapter): object | undefined {
  return ownerOf(adapter, 'computeExceptSids');
}

/** The object that has the method itself: `object`, or one of its prototypes. */
export function ownerOf(object: object, method: string): object | undefined {
  let owner: object | null = object;
  while (owner !== null && !Object.hasOwn(owner, method)) owner = Object.getPrototypeOf(owner);
  return owner ?? undefined;
}

function probe(Base: AdapterClass): boolean {
  const steps: string[] = [];
  const target = { rooms: new Set(['room']), except: new Set<string>(), flags: {} };
  const adapter = probedAdapter(Base, target, steps);
  const packet = { type: 2, data: ['probe'] };
  adapter.broadcast({ ...packet }, target);
  void adapter.fetchSockets(target);
  adapter.broadcastWithAck(
    { ...packet },
    target,
    () => {},
    () => {},
  );
  return steps.join() === `${BROADCAST},${FETCH},${ACKNOWLEDGED}`;
}

/** An adapter of a namespace with one socket, which records its steps. */
function probedAdapter(Base: AdapterClass, wanted: object, steps: string[]): Probed {
  let options: object | undefined;
  const socket = {
    id: 'probe',
    acks: new Map(),
    notifyOutgoingListeners: () => steps.push('heard'),
    client: {
      writeToEngine: (encoded: unknown, given: unknown) =>
        steps.push(encoded === ENCODED && given === options ? 'written' : 'written otherwise'),
    },
  };
  const server = { encoder: { encode: () => ENCODED } };
  const adapter = new Base({ name: '/', server, sockets: new Map([[socket.id, socket]]), _ids: 0 });
  const { _encode, apply } = adapter;
  adapter._encode = (packet, given) => {
    options = given;
    steps.push(packet.id === undefined ? 'encoded' : 'encoded with id');
    _encode.call(adapter, packet, given);
    return ENCODED;
  };
  adapter.apply = (target, act) => {
    steps.push(target === wanted ? 'applied' : 'applied to others');
    apply.call(adapter, target, act);
  };
  adapter.addAll(socket.id, new Set(['room']));
  return adapter;
}
