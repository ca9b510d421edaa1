import * as fc from 'fast-check';
import { KINDS, type Kind } from './payloads.js';

/** `/`, which is behind the gate, and a namespace of the program on the same connections. */
export const NAMESPACES = ['/', '/other'] as const;
export const CLIENTS = 6;
const ROOMS = 3;
const ID = 10;

/** Below {@link ID} a room; from there on the room named by a client's id. */
export type Place = number;
export const clientAt = (place: Place): number | undefined => (place >= ID ? place - ID : undefined);

export interface Emit {
  readonly do: 'emit';
  /** `io.to().emit()`, `socket.emit()`, `socket.to().emit()` and `helper.send()`. */
  readonly via: 'io' | 'direct' | 'socket' | 'send';
  readonly nsp: number;
  /** The client of `direct` and `socket`. */
  readonly client: number;
  /** Empty: all clients. */
  readonly places: readonly Place[];
  readonly except: readonly Place[];
  readonly local: boolean;
  readonly how: 'plain' | 'volatile' | 'ack';
  readonly compress: boolean | null;
  readonly kind: Kind;
  /** Number of copies, sent synchronously. */
  readonly times: number;
}

export type End = 'helper' | 'socket' | 'connection' | 'adapter';

/** A synchronous act. */
export type Act =
  | Emit
  | { readonly do: 'join' | 'leave'; readonly client: number; readonly room: number; readonly nsp: number }
  /** `io.in(place).socketsJoin(room)`, of this instance. */
  | { readonly do: 'move'; readonly place: Place; readonly room: number; readonly join: boolean; readonly nsp: number }
  /** Resolves a client's authenticateFn; the client is authenticated a few microtasks later. */
  | { readonly do: 'admit'; readonly client: number }
  /** Adds or removes an `onAnyOutgoing` listener. */
  | { readonly do: 'listen'; readonly client: number; readonly on: boolean; readonly nsp: number }
  | { readonly do: 'end'; readonly client: number; readonly how: End };

export const PAUSES = ['microtask', 'tick', 'immediate', 'timer'] as const;

export type Step =
  | Act
  /** Waits for a microtask, an immediate or the like. */
  | { readonly do: 'pause'; readonly until: (typeof PAUSES)[number] }
  /** Sends to one client until this process buffers data for it. */
  | { readonly do: 'flood'; readonly client: number }
  /** Runs inside the listener of a client's connection event, if that occurs. */
  | {
      readonly do: 'hook';
      readonly client: number;
      readonly when: 'upgrading' | 'upgrade';
      readonly acts: readonly Act[];
    };

/** An act of a peer while the program runs. `upgraded` also waits until the client uses WebSocket. */
export type PeerAct = 'pause' | 'resume' | 'upgrade' | 'upgraded' | 'close' | 'reset' | 'fin' | 'poke';

export type Phase =
  /** Each list runs on its own instance, at the same time. */
  | { readonly run: readonly (readonly Step[])[] }
  /** `poke`: the client emits, and its handler performs these acts. */
  | { readonly peer: PeerAct; readonly client: number; readonly acts: readonly Act[] };

export const WAYS = ['websocket', 'polling', 'upgrade', 'raw'] as const;

export interface ClientPlan {
  readonly way: (typeof WAYS)[number];
  /** The instance that it connects to. */
  readonly at: number;
  /** Whether it also uses the second namespace. */
  readonly other: boolean;
  /** Authenticated before anything is sent. */
  readonly admitted: boolean;
  readonly deflate: boolean;
}

export interface Plan {
  readonly clients: readonly ClientPlan[];
  readonly phases: readonly Phase[];
}

const client = fc.nat(CLIENTS - 1);
/** One room is used more than the others: faults occur where two acts meet. */
const room = fc.constantFrom(...Array.from({ length: ROOMS }, (_, n) => Array<number>(ROOMS - n).fill(n)).flat());
const nsp = fc.constantFrom(0, 0, 0, 1);
const place: fc.Arbitrary<Place> = fc.oneof(
  { arbitrary: room, weight: 3 },
  { arbitrary: client.map((k) => k + ID), weight: 1 },
);

const emit: fc.Arbitrary<Emit> = fc.record({
  do: fc.constant('emit' as const),
  via: fc.constantFrom('io', 'io', 'io', 'direct', 'direct', 'socket', 'send', 'send'),
  nsp,
  client,
  places: fc.oneof(
    { arbitrary: fc.constant([]), weight: 2 },
    { arbitrary: place.map((one) => [one]), weight: 3 },
    { arbitrary: fc.array(place, { minLength: 2, maxLength: 3 }), weight: 2 },
  ),
  except: fc.oneof(
    { arbitrary: fc.constant([]), weight: 3 },
    { arbitrary: fc.array(place, { minLength: 1, maxLength: 2 }), weight: 1 },
  ),
  local: fc.constantFrom(false, false, false, false, true),
  how: fc.constantFrom('plain', 'plain', 'plain', 'plain', 'plain', 'volatile', 'ack'),
  compress: fc.constantFrom(null, null, null, true, false),
  kind: fc.oneof(
    { arbitrary: fc.constantFrom<Kind>('text', 'unicode'), weight: 3 },
    { arbitrary: fc.constantFrom(...KINDS), weight: 2 },
  ),
  times: fc.constantFrom(1, 1, 1, 1, 1, 1, 2, 3, 7),
});

/** More messages in one tick than a frame or a batch can contain. */
const burst = fc
  .tuple(emit, fc.constantFrom(100, 255, 256, 257, 300))
  .map(([one, times]): Emit => ({ ...one, how: 'plain', times: one.kind.startsWith('large') ? 4 : times }));

const change: fc.Arbitrary<Act> = fc.oneof(
  { arbitrary: fc.record({ do: fc.constantFrom('join' as const, 'leave' as const), client, room, nsp }), weight: 6 },
  { arbitrary: fc.record({ do: fc.constant('move' as const), place, room, join: fc.boolean(), nsp }), weight: 1 },
  { arbitrary: fc.record({ do: fc.constant('admit' as const), client }), weight: 3 },
  { arbitrary: fc.record({ do: fc.constant('listen' as const), client, on: fc.boolean(), nsp }), weight: 2 },
  {
    arbitrary: fc.record({
      do: fc.constant('end' as const),
      client,
      how: fc.constantFrom<End>('helper', 'socket', 'connection', 'adapter'),
    }),
    weight: 1,
  },
);

const act: fc.Arbitrary<Act> = fc.oneof(
  { arbitrary: emit, weight: 24 },
  { arbitrary: burst, weight: 1 },
  { arbitrary: change, weight: 10 },
);

const pause: fc.Arbitrary<Step> = fc.record({ do: fc.constant('pause' as const), until: fc.constantFrom(...PAUSES) });
const MOMENT: Step = { do: 'pause', until: 'microtask' };

/** The same message to the same place before and after a change there, in one tick. */
const around: fc.Arbitrary<readonly Step[]> = fc.tuple(emit, change).map(([one, it]) => {
  const places = 'room' in it && it.do !== 'move' ? [it.room] : one.places;
  const sent: Emit = { ...one, nsp: 'nsp' in it ? it.nsp : one.nsp, places, except: [] };
  // The admission needs a few microtasks.
  return it.do === 'admit' ? [sent, it, ...Array<Step>(5).fill(MOMENT), sent] : [sent, it, sent];
});

const acts = fc.array(act, { minLength: 1, maxLength: 6 });

const step: fc.Arbitrary<readonly Step[]> = fc.oneof(
  { arbitrary: act.map((one) => [one]), weight: 120 },
  { arbitrary: pause.map((one) => [one]), weight: 40 },
  { arbitrary: around, weight: 20 },
  { arbitrary: fc.record({ do: fc.constant('flood' as const), client }).map((one) => [one]), weight: 1 },
  {
    arbitrary: fc
      .record({
        do: fc.constant('hook' as const),
        client,
        when: fc.constantFrom('upgrading' as const, 'upgrade' as const),
        acts,
      })
      .map((one) => [one]),
    weight: 4,
  },
);

const peerAct = fc.constantFrom<PeerAct>(
  ...(['upgrade', 'upgrade', 'upgrade', 'upgraded', 'poke', 'poke', 'poke'] as const),
  ...(['pause', 'pause', 'resume', 'close', 'reset', 'fin'] as const),
);

/** A random plan for that many instances. */
export function plans(instances: number): fc.Arbitrary<Plan> {
  const steps = fc.array(step, { minLength: 1, maxLength: 30, size: 'max' }).map((lists) => lists.flat());
  const phase: fc.Arbitrary<Phase> = fc.oneof(
    fc.record({ run: fc.array(steps, { minLength: instances, maxLength: instances }) }),
    fc.record({ peer: peerAct, client, acts }),
  );
  const one: fc.Arbitrary<ClientPlan> = fc.record({
    way: fc.constantFrom(...WAYS),
    at: fc.nat(instances - 1),
    other: fc.boolean(),
    admitted: fc.constantFrom(true, true, true, false),
    deflate: fc.boolean(),
  });
  return fc
    .record({
      clients: fc.array(one, { minLength: 1, maxLength: CLIENTS, size: 'max' }),
      phases: fc.array(phase, { minLength: 1, maxLength: 12, size: 'max' }),
    })
    .map(({ clients, phases }) => ({ clients, phases: among(clients.length, phases) }));
}

/** The same phases, limited to the clients that exist. */
function among(count: number, phases: readonly Phase[]): Phase[] {
  const there = (at: Place): Place => (at >= ID ? ((at - ID) % count) + ID : at);
  const text = JSON.stringify(phases, (key, value) => {
    if (key === 'client') return value % count;
    if (key === 'place') return there(value);
    return key === 'places' || key === 'except' ? value.map(there) : value;
  });
  return JSON.parse(text);
}
