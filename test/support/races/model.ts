/*
 * What must hold, whatever the order of events. A client is in a room if the last verdict about it says so: of the guard, of the
 * program, of the client itself. A verdict on a request that was withdrawn, or of a guard that was asked too early, does not count.
 */

export interface Request {
  readonly client: Client;
  readonly rooms: readonly string[];
  readonly at: number;
  readonly decisions: Map<string, Decision>;
}

export interface Decision {
  readonly answer: Answer;
  /** When the guard was asked. */
  readonly askedAt: number;
}

export type Answer = 'granted' | 'refused' | 'failed';

/** One session of a client: its connection and what was decided about it. */
export interface Client {
  readonly wire: string;
  readonly instance: number;
  /** Undefined if `authenticateFn` returns `true`. */
  readonly user: string | undefined;
  state: 'connected' | 'asking' | 'in' | 'out';
  askedAt: number;
  /** The rooms, each with who put the client into it. */
  readonly rooms: Map<string, 'guard' | 'program'>;
  /** By room: requests until then are withdrawn. */
  readonly withdrawn: Map<string, number>;
  /** By room: verdicts of a guard that was asked until then do not count. */
  readonly outdated: Map<string, number>;
  /** Whether `clientConnectedFn` runs, and the rooms that were revoked meanwhile. */
  isConnecting: boolean;
  readonly withheld: Set<string>;
}

export type Destination = undefined | { readonly room: string } | { readonly user: string };

interface Revoked {
  readonly user: string;
  readonly room: string | undefined;
  readonly instance: number;
  readonly at: number;
  readonly barredUntil: number;
}

export class Model {
  readonly clients = new Map<string, Client>();
  readonly #defaultRooms: readonly string[];
  readonly #revoked: Revoked[] = [];
  /** Counts events: each has its own moment. */
  now = 0;

  constructor(defaultRooms: readonly string[]) {
    this.#defaultRooms = defaultRooms;
  }

  connect(wire: string, instance: number, user: string | undefined): Client {
    const client: Client = {
      ...{ wire, instance, user, state: 'connected', askedAt: 0, isConnecting: false },
      ...{ rooms: new Map(), withdrawn: new Map(), outdated: new Map(), withheld: new Set() },
    };
    this.clients.set(wire, client);
    return client;
  }

  of(instance: number, user?: string): readonly Client[] {
    return [...this.clients.values()].filter(
      (it) => it.state !== 'out' && it.instance === instance && (user === undefined || it.user === user),
    );
  }

  ask(client: Client): void {
    client.state = 'asking';
    client.askedAt = this.now;
  }

  authenticate(client: Client, isAccepted: boolean, time: number): void {
    if (client.state !== 'asking') return;
    if (!isAccepted || this.#isRevoked(client, undefined, client.askedAt, time)) this.end(client);
    else client.state = 'in';
  }

  end(client: Client): void {
    client.state = 'out';
    client.rooms.clear();
  }

  /** The client leaves, or the program removes it. */
  leave(client: Client, room: string): void {
    client.rooms.delete(room);
    client.withdrawn.set(room, this.now);
  }

  programJoins(client: Client, room: string): void {
    if (client.state === 'out' || client.withheld.has(room) || client.rooms.has(room)) return;
    client.rooms.set(room, 'program');
  }

  connectedFnSettled(client: Client, isOk: boolean): void {
    client.isConnecting = false;
    client.withheld.clear();
    if (!isOk) this.end(client);
  }

  /** The guard has answered for the last time about this request. */
  decide({ client, at, decisions }: Request, time: number): void {
    if (client.state !== 'in') return;
    for (const [room, { answer, askedAt }] of decisions) {
      const isVoid = at <= (client.withdrawn.get(room) ?? 0) || askedAt <= (client.outdated.get(room) ?? 0);
      if (isVoid || this.#isRevoked(client, room, at, time)) continue;
      if (answer === 'granted') client.withheld.delete(room);
      if (answer === 'granted' && !client.rooms.has(room)) client.rooms.set(room, 'guard');
      else if (answer === 'refused') this.#lose(client, room);
    }
  }

  /** The guard is asked again, so what it was asked before does not count. */
  recheckBegins(client: Client, room: string): void {
    client.outdated.set(room, this.now);
  }

  recheckSettled(clients: Iterable<Client>, answers: ReadonlyMap<string, Answer>): void {
    for (const client of clients) {
      if (client.state !== 'in') continue;
      for (const [room, answer] of answers) {
        if (answer === 'granted') continue;
        client.outdated.set(room, this.now);
        this.#lose(client, room);
      }
    }
  }

  revoke(revoked: Omit<Revoked, 'at'>): void {
    const { user, room, instance } = revoked;
    this.#revoked.push({ ...revoked, at: this.now });
    for (const client of this.of(instance, user)) {
      if (client.state !== 'in') continue;
      if (room === undefined) this.end(client);
      else {
        if (client.isConnecting) client.withheld.add(room);
        this.leave(client, room);
      }
    }
  }

  mayHear(client: Client, destination: Destination): boolean {
    if (client.state !== 'in') return false;
    if (destination === undefined) return true;
    if ('user' in destination) return client.user === destination.user;
    return this.#defaultRooms.includes(destination.room) || client.rooms.has(destination.room);
  }

  /** Only a room that a guard granted is lost by a verdict. */
  #lose(client: Client, room: string): void {
    if (client.rooms.get(room) === 'guard') client.rooms.delete(room);
  }

  #isRevoked({ user, instance }: Client, room: string | undefined, at: number, time: number): boolean {
    return this.#revoked.some(
      (it) =>
        it.user === user && it.room === room && it.instance === instance && (at <= it.at || time < it.barredUntil),
    );
  }
}
