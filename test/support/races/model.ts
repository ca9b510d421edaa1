import { type Answer, type Client, type Identity, isNamed, type Recheck, Request, type Who } from './client.js';
import { endOf, isOver } from './ends.js';

/*
 * What must hold, whatever the order of events. A client is in a room if the last verdict about it says so: of the guard, of the
 * program, of the client itself. A verdict on a request that was withdrawn, or of a guard that was asked too early, does not count.
 */

export type Destination = undefined | { readonly room: string } | Who;

export interface Revoked {
  readonly instance: number;
  readonly who: Who;
  readonly room: string | undefined;
  readonly issuedBefore: number | undefined;
  /** By `performance.now()`, as `barredUntil`: when the program called `revoke()`, or when the instance got the message. */
  readonly at: number;
  readonly barredUntil: number;
}

/** The least time from the begin of a renewal to that of the next one, and the longest time that one is waited for. */
const LEAST_INTERVAL_MS = 1_000;
const LONGEST_RENEWAL_MS = 10_000;

export class Model {
  readonly clients = new Map<string, Client>();
  /** Calls of the guard about rooms that clients are in, which have not been answered. */
  readonly rechecks = new Set<Recheck>();
  readonly #defaultRooms: readonly string[];
  readonly #revoked: Revoked[] = [];
  #moments = 0;

  constructor(defaultRooms: readonly string[]) {
    this.#defaultRooms = defaultRooms;
  }

  /** A moment that is later than all before it, also within a millisecond. */
  next(): number {
    this.#moments += 1;
    return this.#moments;
  }

  /** The clients of an instance that have not left. */
  of(instance: number, who?: Who): readonly Client[] {
    return [...this.clients.values()].filter(
      (it) => it.state !== 'out' && it.instance === instance && (who === undefined || isNamed(it, who)),
    );
  }

  get living(): readonly Client[] {
    return [...this.of(0), ...this.of(1)];
  }

  // Access

  /** `authenticateFn` has accepted the client. It was asked at `askedAt`. */
  accept(client: Client, identity: Identity | undefined, askedAt: number): void {
    if (client.state !== 'asking') return;
    if (identity !== undefined && this.#denies(client, identity, undefined, askedAt)) {
      this.end(client);
      return;
    }
    client.state = 'in';
    client.isConnecting = true;
    client.admittedAt = askedAt;
    if (identity !== undefined) this.#identify(client, identity);
  }

  /** Whether the program is asked about new credentials of this client. */
  mayRenew({ state, identity, renewal }: Client): boolean {
    if (state !== 'in' || identity?.expiresAt === undefined) return false;
    const since = performance.now() - (renewal?.startedAt ?? Number.NEGATIVE_INFINITY);
    return since >= LEAST_INTERVAL_MS && (renewal?.isPending !== true || since >= LONGEST_RENEWAL_MS);
  }

  /** `authenticateFn` has decided on new credentials; undefined if it failed. False ends the access, as another user does. */
  renewed(client: Client, startedAt: number, answer: Identity | false | undefined): void {
    const { renewal, identity: known } = client;
    if (renewal?.startedAt !== startedAt) return;
    renewal.isPending = false;
    const isLate = performance.now() - startedAt >= LONGEST_RENEWAL_MS;
    if (client.state !== 'in' || known === undefined || answer === undefined || (answer !== false && isLate)) return;
    const isSame = answer !== false && answer.user === known.user && answer.session === known.session;
    if (!isSame || this.#denies(client, answer, undefined, startedAt)) {
      this.end(client);
      return;
    }
    this.#identify(client, answer);
    if (answer.level !== known.level) this.#recheck([client], undefined);
  }

  #identify(client: Client, identity: Identity): void {
    const { expiresAt } = identity;
    client.identity = identity;
    client.end = expiresAt === undefined ? undefined : endOf(expiresAt, client.end);
  }

  connectedFnSettled(client: Client, isOk: boolean): void {
    client.isConnecting = false;
    client.withheld.clear();
    if (!isOk) this.end(client);
  }

  end(client: Client): void {
    client.state = 'out';
    client.rooms.clear();
  }

  /** What is over now: access, grants of rooms, and the time to authenticate. */
  expire(): void {
    for (const client of this.living) {
      const isLate = client.state !== 'in' && client.deadline <= performance.now();
      if (isLate || isOver(client.end)) this.end(client);
      for (const [room, { end }] of client.rooms) if (isOver(end)) this.#putOut(client, room);
    }
  }

  revoke(revoked: Revoked): void {
    const { who, room, instance } = revoked;
    this.#revoked.push(revoked);
    for (const client of this.of(instance, who)) {
      if (!concerns(revoked, client.identity) || !wasBefore(revoked, client)) continue;
      if (room === undefined) this.end(client);
      else if (client.state === 'in') {
        if (client.isConnecting) client.withheld.add(room);
        this.leave(client, room);
      }
    }
  }

  // Rooms

  /** The client leaves, or the program removes it. */
  leave(client: Client, room: string): void {
    this.#putOut(client, room);
    client.withdrawn.set(room, this.next());
  }

  programJoins(client: Client, room: string): void {
    if (client.state === 'out' || client.withheld.has(room) || client.rooms.has(room)) return;
    client.rooms.set(room, { by: 'program', end: undefined });
  }

  request(client: Client, rooms: readonly string[]): Request {
    const { identity } = client;
    const now = performance.now();
    const isBarred = (room: string): boolean => identity !== undefined && this.#denies(client, identity, room, now);
    return new Request(
      client,
      rooms.filter((room) => !isBarred(room)),
      this.next(),
    );
  }

  /** The guard has answered for the last time about this request. */
  decide({ client, at, decisions }: Request): void {
    if (client.state !== 'in') return;
    for (const [room, { answer, askedAt }] of decisions) {
      const isVoid = at <= (client.withdrawn.get(room) ?? 0) || askedAt <= (client.outdated.get(room) ?? 0);
      if (!isVoid) this.#apply(client, room, answer);
    }
  }

  #apply(client: Client, room: string, answer: Answer): void {
    if (answer === 'failed') return;
    if (answer === 'refused') {
      this.#lose(client, room);
      return;
    }
    const end = answer.until === undefined ? undefined : endOf(answer.until);
    // Other rooms of the request took longer than this grant lasts.
    if (isOver(end)) {
      this.#lose(client, room);
      return;
    }
    client.withheld.delete(room);
    if (client.rooms.get(room)?.by === 'program') return;
    client.rooms.set(room, { by: 'guard', end });
    // The guard was asked later than for each recheck.
    client.rechecks.delete(room);
  }

  // Rechecks

  /** The guard is asked again about these clients of an instance. */
  revalidate(instance: number, user: string | undefined, room: string | undefined): void {
    this.#recheck(this.of(instance, user === undefined ? undefined : { kind: 'user', name: user }), room);
  }

  /** What the guard was asked before does not count. */
  #recheck(clients: readonly Client[], only: string | undefined): void {
    const groups = new Map<unknown, { clients: Client[]; rooms: readonly string[] }>();
    for (const client of clients) {
      const guarded = [...client.rooms].filter(([, { by }]) => by === 'guard').map(([room]) => room);
      const rooms = guarded.filter((room) => only === undefined || room === only);
      for (const room of only === undefined ? ROOMS : [only]) client.outdated.set(room, this.next());
      if (rooms.length === 0) continue;
      const { identity } = client;
      const key = identity === undefined ? client : JSON.stringify([identity.user, identity.level, [...rooms].sort()]);
      const group = groups.get(key) ?? { clients: [], rooms };
      group.clients.push(client);
      groups.set(key, group);
      for (const room of rooms) client.rechecks.set(room, group);
    }
    for (const group of groups.values()) this.rechecks.add(group);
  }

  /** `at`: the moment of the answer. The guard may have been asked for a join since then. */
  recheckSettled(recheck: Recheck, answers: ReadonlyMap<string, Answer>, at: number): void {
    this.rechecks.delete(recheck);
    for (const client of recheck.clients) {
      if (client.state !== 'in') continue;
      for (const [room, answer] of answers) {
        const isGranted = typeof answer !== 'string';
        if (!isGranted) client.outdated.set(room, Math.max(at, client.outdated.get(room) ?? 0));
        if (!isGranted) this.#lose(client, room);
        else if (client.rechecks.get(room) === recheck) {
          client.rooms.set(room, { by: 'guard', end: answer.until === undefined ? undefined : endOf(answer.until) });
        }
      }
    }
  }

  mayHear(client: Client, destination: Destination): boolean {
    if (client.state !== 'in' || isOver(client.end)) return false;
    if (destination === undefined) return true;
    if ('kind' in destination) return isNamed(client, destination);
    const stay = client.rooms.get(destination.room);
    return this.#defaultRooms.includes(destination.room) || (stay !== undefined && !isOver(stay.end));
  }

  /** Only a room that a guard granted is lost by a verdict. */
  #lose(client: Client, room: string): void {
    if (client.rooms.get(room)?.by === 'guard') this.#putOut(client, room);
  }

  #putOut(client: Client, room: string): void {
    client.rooms.delete(room);
    client.rechecks.delete(room);
  }

  #denies(client: Client, identity: Identity, room: string | undefined, askedAt: number): boolean {
    return this.#revoked.some(
      (it) =>
        it.instance === client.instance &&
        it.room === room &&
        isNamed({ ...client, identity }, it.who) &&
        concerns(it, identity) &&
        (askedAt < it.at || performance.now() < it.barredUntil),
    );
  }
}

export const ROOMS: readonly string[] = ['red', 'blue', 'green'];

function concerns({ issuedBefore }: Revoked, identity: Identity | undefined): boolean {
  return issuedBefore === undefined || (identity !== undefined && identity.issuedAt < issuedBefore);
}

/** An instance that was cut off hears of a revocation late. What was decided after it stays, unless there is a bar. */
function wasBefore({ who, at, barredUntil }: Revoked, client: Client): boolean {
  if (who.kind === 'id' || performance.now() < barredUntil) return true;
  return client.admittedAt < at;
}
