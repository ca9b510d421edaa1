import type { Adapter } from 'socket.io-adapter';
import type { PacketOptions, Recipient } from '../ports/fanout.js';
import type { BroadcastPacket, BroadcastTarget } from './adapter-broadcasts.js';

/** Private methods of Socket.IO's adapter. */
export interface AdapterInternals {
  /** Encodes a packet for many, and notes the WebSocket frame among the options that go to the engine with it. */
  _encode(packet: BroadcastPacket, options: PacketOptions): readonly unknown[];
  /** Calls `act` with each socket that is meant, one after another. */
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
 * Whether an adapter broadcasts as it is known here, tried with a namespace of one socket: it encodes, and right after that
 * goes through the recipients of the very target that it was given, of whom each hears of the packet and is then written to,
 * with the very options that it was encoded with. A broadcast that is to be acknowledged has its id before it is encoded, and
 * nothing else encodes.
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
    // It can't even be made in the way that Socket.IO makes it.
  }
  judged.set(base, holds);
  return holds;
}

/** The prototype of Socket.IO's own adapter, from which all others are derived. */
export function baseOf(adapter: Adapter): object | undefined {
  return ownerOf(adapter, 'computeExceptSids');
}

/** Whose method it is: the object's own, or of which prototype. */
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

/** An adapter of a namespace with one socket, which writes down what it does. */
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
