import type { Adapter } from 'socket.io-adapter';

/** What is private to Socket.IO's adapter and taken over for broadcasts: see `broadcasts.ts`. */
interface Probed extends Pick<Adapter, 'addAll' | 'broadcast' | 'broadcastWithAck' | 'fetchSockets'> {
  _encode(packet: { id?: number }, options: object): unknown;
  apply(target: object, act: (socket: unknown) => void): void;
}
type AdapterClass = new (namespace: object) => Probed;

const ENCODED = ['2["probe"]'];
const judged = new WeakMap<object, boolean>();

/**
 * Whether an adapter broadcasts as it is known here, tried with a namespace of one socket: it encodes, and right after that
 * goes through the recipients, of whom each hears of the packet and is then written to, with the very options that it was
 * encoded with. A broadcast that is to be acknowledged has its id before it is encoded, and nothing else encodes.
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
    steps.push('applied');
    apply.call(adapter, target, act);
  };
  adapter.addAll(socket.id, new Set(['room']));
  const target = { rooms: new Set(['room']), except: new Set<string>(), flags: {} };
  adapter.broadcast({ type: 2, data: ['probe'] }, target);
  void adapter.fetchSockets(target);
  adapter.broadcastWithAck(
    { type: 2, data: ['probe'] },
    target,
    () => {},
    () => {},
  );
  const broadcast = 'encoded,applied,heard,written';
  const acknowledged = 'encoded with id,applied,heard,written';
  return steps.join() === `${broadcast},applied,${acknowledged}`;
}
