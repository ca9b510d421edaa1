import { ADMITTED } from './client.js';
import { type Act, type ClientPlan, clientAt, type Emit, NAMESPACES, type Place } from './plan.js';
import type { MixReport, TallyEntry } from './words.js';

/** Whether a client receives a message: it must, it may, or it must not. */
export type Share = 'must' | 'may' | 'never';

/** One message from the view of one client. */
export interface Expected {
  readonly nsp: number;
  readonly n: number;
  readonly share: Share;
  readonly what: Emit | undefined;
}

interface Member {
  member: boolean;
  listens: boolean;
  over: boolean;
  rooms: Set<string>;
}

const roomOf = (place: Place): string => `${place}`;

/** The sockets of one instance at one moment of its trace. */
class Hall {
  readonly #sockets = NAMESPACES.map(() => new Map<number, Member>());

  /** Whether this client of the namespace receives a broadcast, from any instance. */
  isReached(client: number, { nsp, places, except, via, client: from }: Emit): boolean {
    const member = this.get(client, nsp);
    if (member === undefined || !member.member || member.over) return false;
    if (via === 'socket' && client === from) return false;
    const has = (place: Place): boolean => clientAt(place) === client || member.rooms.has(roomOf(place));
    return (places.length === 0 || places.some(has)) && (via === 'send' || !except.some(has));
  }

  get(client: number, nsp: number): Member | undefined {
    return this.#sockets[nsp]?.get(client);
  }

  apply(entry: TallyEntry): void {
    if (entry.did === 'come') {
      const { client, nsp, member } = entry;
      this.#sockets[nsp]?.set(client, { member, listens: false, over: false, rooms: new Set() });
    } else if (entry.did === 'admit') {
      const socket = this.get(entry.client, 0);
      if (socket !== undefined) socket.member = true;
    } else if (entry.did === 'go') {
      this.#sockets[entry.nsp]?.delete(entry.client);
    } else if (entry.did === 'act') this.#act(entry.what);
  }

  #act(what: Exclude<Act, Emit>): void {
    if (what.do === 'move') {
      for (const [client, socket] of this.#sockets[what.nsp] ?? []) {
        const is = clientAt(what.place) === client || socket.rooms.has(roomOf(what.place));
        if (!is || !socket.member || socket.over) continue;
        if (what.join) socket.rooms.add(roomOf(what.room));
        else socket.rooms.delete(roomOf(what.room));
      }
      return;
    }
    if (what.do === 'end') {
      // The end of any of its sockets closes the whole connection.
      for (const nsp of NAMESPACES.keys()) {
        const socket = this.get(what.client, nsp);
        if (socket !== undefined) socket.over = true;
      }
      return;
    }
    if (what.do === 'admit') return;
    const socket = this.get(what.client, what.nsp);
    if (socket === undefined) return;
    if (what.do === 'listen') socket.listens = what.on;
    else if (what.do === 'join') socket.rooms.add(roomOf(what.room));
    else socket.rooms.delete(roomOf(what.room));
  }
}

export interface Modelled {
  /** By client, then by origin. */
  readonly heard: ReadonlyMap<number, readonly (readonly Expected[])[]>;
  /** Calls of `onAnyOutgoing` for messages of another instance, by client. */
  readonly late: ReadonlyMap<number, readonly Expected[]>;
  /** The messages that need answers, with the clients that must answer. */
  readonly answers: ReadonlyMap<number, readonly number[]>;
  readonly faults: readonly string[];
  readonly over: ReadonlySet<number>;
}

/** Replays the traces of all instances with Socket.IO's guarantees only. */
export function play(clients: readonly ClientPlan[], reports: readonly MixReport[]): Modelled {
  const faults: string[] = [];
  const heard = new Map(clients.map((_, client) => [client, reports.map((): Expected[] => [])]));
  const late = new Map(clients.map((_, client) => [client, [] as Expected[]]));
  const answers = new Map<number, number[] | undefined>();
  const over = new Set<number>();
  const answered = (n: number, client: number, share: Share): void => {
    const before = answers.has(n) ? answers.get(n) : [];
    answers.set(n, share === 'may' ? undefined : share === 'must' ? before?.concat(client) : before);
  };

  for (const [at, { trace }] of reports.entries()) {
    const hall = new Hall();
    for (const entry of trace) {
      hall.apply(entry);
      if (entry.did === 'act' && entry.what.do === 'end') over.add(entry.what.client);
      if (entry.did === 'admit') {
        const share = hall.get(entry.client, 0)?.over === false ? 'must' : 'may';
        heard.get(entry.client)?.[at]?.push({ nsp: 0, n: ADMITTED, share, what: undefined });
      }
      if (entry.did !== 'emit') continue;
      const { n, what, told } = entry;
      const calls: [number, number][] = [];
      for (const [client, plan] of clients.entries()) {
        if (plan.at !== at) continue;
        const over = hall.get(client, what.nsp)?.over;
        const reached = what.via === 'direct' ? what.client === client && over === false : hall.isReached(client, what);
        const share = !reached ? 'never' : isVolatile(what) ? 'may' : 'must';
        for (let i = 0; i < what.times; i += 1) {
          heard.get(client)?.[at]?.push({ nsp: what.nsp, n: n + 2 * i, share, what });
          // A closing connection is still asked, and doesn't answer. With `local`, Socket.IO also waits for the other
          // instances, which were not asked: such a question always ends with its timeout.
          const inVain = over === true || (reports.length > 1 && what.local && what.via !== 'direct');
          if (isAsked(what)) answered(n + 2 * i, client, inVain ? 'may' : share);
          if (reached && hall.get(client, what.nsp)?.listens) calls.push([client, n + 2 * i]);
        }
      }
      // For a closing connection the call is optional.
      const counted = told.filter(([client]) => hall.get(client, what.nsp)?.over !== true);
      faults.push(...wrongCalls(n, calls, counted));
    }
  }
  if (reports.length > 1) playAcross(clients, reports, heard, late, answered);
  const full = [...answers].flatMap(([n, of]) => (of === undefined ? [] : [[n, of] as const]));
  return { heard, late, answers: new Map(full), faults, over };
}

/** Whether it may be dropped. `send()` is never volatile. */
const isVolatile = ({ via, how }: Emit): boolean => via !== 'send' && how === 'volatile';
export const isAsked = ({ via, how }: Emit): boolean => via !== 'send' && how === 'ack';

/** Listeners are called before `emit()` returns, once for each message, in order. */
function wrongCalls(n: number, wanted: readonly [number, number][], told: readonly [number, number][]): string[] {
  const of = (calls: readonly [number, number][]): string => JSON.stringify([...calls].sort(([a], [b]) => a - b));
  if (of(wanted) === of(told)) return [];
  return [`onAnyOutgoing while ${n} and on were sent: ${of(told)} instead of ${of(wanted)}`];
}

/**
 * Messages of one instance reach the other's clients a little later, by their rooms at that time. Between two barriers
 * that can be any of the other instance's states.
 */
function playAcross(
  clients: readonly ClientPlan[],
  reports: readonly MixReport[],
  heard: ReadonlyMap<number, readonly Expected[][]>,
  late: ReadonlyMap<number, Expected[]>,
  answered: (n: number, client: number, share: Share) => void,
): void {
  for (const [origin, { trace }] of reports.entries()) {
    const at = 1 - origin;
    const there = between('hear barrier', reports[at]?.trace ?? []);
    const hall = new Hall();
    for (const [index, entries] of between('send barrier', trace).entries()) {
      const sent = entries.flatMap((entry) => (entry.did === 'emit' && isPublished(entry.what) ? [entry] : []));
      const states = sent.map(() => clients.map(() => ({ heard: new Set<boolean>(), told: new Set<boolean>() })));
      const look = (): void => {
        for (const [which, { what }] of sent.entries()) {
          for (const [client, plan] of clients.entries()) {
            const reached = plan.at === at && hall.isReached(client, what);
            states[which]?.[client]?.heard.add(reached);
            const socket = hall.get(client, what.nsp);
            states[which]?.[client]?.told.add(reached && socket?.listens === true);
            // For a closing connection the call and the question are optional.
            if (socket?.over === true) states[which]?.[client]?.told.add(true);
          }
        }
      };
      look();
      for (const entry of there[index] ?? []) {
        hall.apply(entry);
        if (entry.did !== 'emit') look();
      }
      for (const [which, { n, what }] of sent.entries()) {
        for (const [client, plan] of clients.entries()) {
          const state = states[which]?.[client];
          if (plan.at !== at || state === undefined) continue;
          const share = shareOf(state.heard);
          for (let i = 0; i < what.times; i += 1) {
            const one = { nsp: what.nsp, n: n + 2 * i, what };
            heard.get(client)?.[origin]?.push({ ...one, share: isVolatile(what) && share === 'must' ? 'may' : share });
            late.get(client)?.push({ ...one, share: shareOf(state.told) });
            if (isAsked(what)) answered(n + 2 * i, client, state.told.size > 1 ? 'may' : share);
          }
        }
      }
    }
  }
}

const isPublished = ({ via, local }: Emit): boolean => via === 'send' || (via !== 'direct' && !local);

function shareOf(states: ReadonlySet<boolean>): Share {
  if (states.size > 1) return 'may';
  return states.has(true) ? 'must' : 'never';
}

function between(barrier: TallyEntry['did'], trace: readonly TallyEntry[]): TallyEntry[][] {
  const parts: TallyEntry[][] = [[]];
  for (const entry of trace) {
    if (entry.did === barrier) parts.push([]);
    else parts.at(-1)?.push(entry);
  }
  return parts;
}
