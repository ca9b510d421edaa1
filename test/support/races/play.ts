import { vi } from 'vitest';
import { randomOf } from '../virtual-time.js';
import { type Answer, type Client, type Destination, Model, type Request } from './model.js';
import { AUTHENTICATE_TIMEOUT_MS, GUARD_TIMEOUT_MS, type ProgramCall, Stage, settled } from './stage.js';

const ROOMS = ['red', 'blue', 'green'];
const USERS = ['ann', 'ben', undefined];
const DEFAULT_ROOMS = ['io-default', 'io-notification'];
const FEWEST_STEPS = 20;
const MORE_STEPS = 40;
const MOST_CLIENTS = 6;
/** What a client may still be told after it has left: `4` is a refusal of Socket.IO, `1` its goodbye. */
const WORDS = /^2\d*\["(?:authenticated|unauthenticated|ping|roomgate:[a-z]+)"/;
const MESSAGE = /^2\["message",(\d+)\]$/;

interface Recheck {
  readonly clients: readonly Client[];
}

/** A call of the program that has not settled, and what it was called for. */
interface Open {
  readonly call: ProgramCall;
  readonly client: Client;
  readonly at: number;
  readonly time: number;
  readonly request: Request | undefined;
  recheck: Recheck | undefined;
}

/** Why a guard is asked in this step. */
type Cause = { readonly request: Request } | { readonly recheck: true } | undefined;

/** What happens on the other instance once the network delivers it. */
type Held = (instance: number) => void;

/** A step. It may return what is to be done once everything has followed from it. */
type Act = () => unknown;
type Choice = readonly [name: string, act: Act];
type Add = (times: number, name: string, act: Act) => void;

/** Plays one seed: random steps, and after each a comparison of the instances with the model. Throws at the first difference. */
export class Play {
  readonly steps: string[] = [];
  readonly #random: () => number;
  readonly #model = new Model(DEFAULT_ROOMS);
  readonly #stage: Stage;
  readonly #open = new Set<Open>();
  readonly #sent = new Map<number, Destination>();
  readonly #got = new Map<number, Set<string>>();
  readonly #down = new Set<number>();
  /** Calls of the guard that were given up, and made again because their answer was out of date. */
  readonly #again = new Set<Open>();
  readonly #faults: string[] = [];
  #held: { readonly to: number; readonly act: Held }[] = [];
  #isPaused = false;
  /** Messages that were held while the network was paused may be older than what was held after them. */
  #before: Model['mayHear'] | undefined;
  #cause: Cause;
  #made = 0;

  constructor(seed: number) {
    this.#random = randomOf(seed);
    this.#stage = new Stage({
      called: (call) => this.#called(call),
      wrote: (wire, packet) => this.#wrote(wire, packet),
      heard: (wire) => this.#heard(wire),
    });
  }

  async run(): Promise<void> {
    await this.#stage.start();
    try {
      const count = FEWEST_STEPS + this.#below(MORE_STEPS);
      for (let step = 0; step < count; step++) await this.#step();
      await this.#finish();
    } finally {
      await this.#shutDown();
    }
    this.#compareEnd();
  }

  // Steps

  async #step(): Promise<void> {
    const [name, act] = this.#pick(this.#choices());
    await this.#perform(name, act);
  }

  async #perform(name: string, act: Act): Promise<void> {
    this.#pass(1);
    this.#model.now += 1;
    this.steps.push(name);
    const after = act();
    await settled();
    if (typeof after === 'function') after();
    this.#cause = undefined;
    this.#before = undefined;
    this.#compare(name);
  }

  #choices(): Choice[] {
    const choices: Choice[] = [];
    const add: Add = (times, name, act) => {
      for (let i = 0; i < times; i++) choices.push([name, act]);
    };
    const up = [0, 1].filter((instance) => !this.#down.has(instance));
    const instance = this.#pick(up);
    if (this.#model.of(0).length + this.#model.of(1).length < MOST_CLIENTS) {
      add(4, `connect to ${instance}`, () => this.#connect(instance));
    }
    const user = this.#pick(['ann', 'ben']);
    const room = this.#pick(ROOMS);
    add(2, `send to ${room} by ${instance}`, () => this.#send(instance, { room }));
    add(1, `send to ${user} by ${instance}`, () => this.#send(instance, { user }));
    add(1, `send to all by ${instance}`, () => this.#send(instance, undefined));
    add(1, `revoke ${user} by ${instance}`, () => this.#revoke(instance, user, undefined, 0));
    add(1, `revoke ${user} in ${room} by ${instance}`, () => this.#revoke(instance, user, room, 0));
    const bar = this.#pick([500, 20_000]);
    add(1, `bar ${user} in ${room} by ${instance} for ${bar}`, () => this.#revoke(instance, user, room, bar));
    add(1, `bar ${user} by ${instance} for ${bar}`, () => this.#revoke(instance, user, undefined, bar));
    add(1, `join ${user} to ${room} by ${instance}`, () => this.#joinRooms(instance, user, room));
    add(1, `revalidate ${room} by ${instance}`, () => this.#revalidate(instance, undefined, room));
    add(1, `revalidate ${user} by ${instance}`, () => this.#revalidate(instance, user, undefined));
    if (this.#isPaused) add(3, 'heal the network', () => this.#heal());
    else {
      if (up.length === 2) add(1, 'pause the network', () => this.#pause());
      const ms = this.#pick([100, 400, GUARD_TIMEOUT_MS, AUTHENTICATE_TIMEOUT_MS]);
      add(1, `${ms} ms pass`, () => this.#wait(ms));
      if (up.length === 2 && this.#made > 3) add(1, `shut down ${instance}`, () => this.#shutDownOne(instance));
    }
    const client = this.#pick([...this.#model.of(0), ...this.#model.of(1)]);
    if (client !== undefined) this.#addChoicesOf(client, room, add);
    const open = this.#pick([...this.#open]);
    if (open !== undefined) this.#addSettling(open, add);
    return choices;
  }

  #addChoicesOf(client: Client, room: string, add: Add): void {
    const { wire, state } = client;
    const more = this.#pick(ROOMS);
    const rooms = [...new Set([room, more])];
    if (state === 'connected') add(6, `${wire} authenticates`, () => this.#authenticate(client));
    if (state === 'in') {
      add(5, `${wire} asks for ${rooms}`, () => this.#join(client, rooms));
      add(2, `${wire} leaves ${room}`, () => this.#leave(client, room));
    }
    add(1, `${wire} says something`, () => this.#stage.wire(wire).receive('2["say"]'));
    add(1, `${wire} is kicked`, () => this.#kick(client));
    add(1, `${wire} disconnects`, () => this.#end(client, () => this.#stage.wire(wire).receive('1')));
    add(1, `${wire} is cut`, () => this.#end(client, () => this.#stage.wire(wire).cut()));
    const socket = this.#stage.socketOf(wire);
    if (socket === undefined) return;
    add(1, `the program joins ${wire} to ${room}`, () => {
      this.#model.programJoins(client, room);
      void socket.join(room);
    });
    add(1, `the program removes ${wire} from ${room}`, () => {
      this.#model.leave(client, room);
      void socket.leave(room);
    });
  }

  #addSettling(open: Open, add: Add): void {
    const { kind, wire, rooms } = open.call;
    if (kind === 'authenticate') {
      add(8, `${wire} is accepted`, () => this.#accept(open));
      add(1, `${wire} is refused`, () => this.#refuse(open, () => open.call.settle(false)));
      add(1, `authenticateFn fails for ${wire}`, () => this.#refuse(open, () => open.call.fail(new Error('no'))));
    } else if (kind === 'connected') {
      add(2, `clientConnectedFn of ${wire} settles`, () => this.#connected(open, true));
      add(1, `clientConnectedFn of ${wire} fails`, () => this.#connected(open, false));
    } else {
      const granted = rooms.filter(() => this.#random() < 0.7);
      add(8, `the guard grants ${wire} [${granted}] of [${rooms}]`, () => this.#guard(open, granted));
      add(1, `the guard fails for ${wire} [${rooms}]`, () => this.#guard(open, undefined));
    }
  }

  // Clients

  #connect(instance: number): void {
    this.#made += 1;
    const wire = `c${this.#made}`;
    this.#model.connect(wire, instance, this.#pick(USERS));
    this.#stage.connect(wire, instance);
  }

  #authenticate(client: Client): void {
    this.#model.ask(client);
    this.#stage.wire(client.wire).receive('2["authenticate"]');
  }

  #join(client: Client, rooms: readonly string[]): void {
    const request: Request = { client, rooms, at: this.#model.now, decisions: new Map() };
    this.#cause = { request };
    this.#stage.wire(client.wire).receive(`2["join",${JSON.stringify({ rooms })}]`);
  }

  #leave(client: Client, room: string): void {
    this.#model.leave(client, room);
    this.#stage.wire(client.wire).receive(`2["leave",${JSON.stringify({ rooms: [room] })}]`);
  }

  #kick(client: Client): void {
    const socket = this.#stage.socketOf(client.wire);
    if (socket === undefined) return;
    this.#end(client, () => this.#stage.helper(client.instance).disconnect({ socket }));
  }

  #end(client: Client, act: () => void): void {
    this.#model.end(client);
    act();
  }

  // Functions of the program settle

  #accept(open: Open): void {
    const { client, call } = open;
    this.#open.delete(open);
    const wasAsking = client.state === 'asking';
    this.#model.authenticate(client, true, performance.now());
    client.isConnecting = wasAsking && client.state === 'in';
    call.settle(client.user === undefined ? true : { user: client.user });
  }

  #refuse(open: Open, act: () => void): void {
    this.#open.delete(open);
    this.#model.authenticate(open.client, false, performance.now());
    act();
  }

  #connected(open: Open, isOk: boolean): void {
    const { client, call } = open;
    this.#open.delete(open);
    this.#model.connectedFnSettled(client, isOk);
    if (isOk) call.settle(undefined);
    else call.fail(new Error('no'));
  }

  #guard(open: Open, granted: readonly string[] | undefined): () => void {
    this.#open.delete(open);
    this.#cause = open.request === undefined ? { recheck: true } : { request: open.request };
    const asked = this.#open.size;
    if (granted === undefined) open.call.fail(new Error('no'));
    else open.call.settle(granted);
    return () => this.#answered(open, granted, this.#open.size > asked);
  }

  /** `again`: the guard was asked again, because its answer was out of date. */
  #answered(
    { call, client, request, recheck, at }: Open,
    granted: readonly string[] | undefined,
    again: boolean,
  ): void {
    const answers = new Map(call.rooms.map((room): [string, Answer] => [room, answerOf(room, granted)]));
    if (request !== undefined) {
      for (const [room, answer] of answers) request.decisions.set(room, { answer, askedAt: at });
      if (!again) this.#model.decide(request, performance.now());
    } else if (!again) this.#model.recheckSettled(recheck?.clients ?? [client], answers);
  }

  // The program

  #send(instance: number, destination: Destination): () => void {
    const message = this.#sent.size;
    this.#sent.set(message, destination);
    this.#got.set(message, new Set());
    const wanted = this.#listeners(instance, destination);
    const to = destination !== undefined && 'room' in destination ? destination.room : destination;
    this.#stage.helper(instance).send({
      ...(to === undefined ? {} : { destination: to }),
      payload: { topic: 'message', data: message },
    });
    return () => {
      for (const { wire } of wanted) {
        if (this.#got.get(message)?.has(wire) !== true) this.#faults.push(`${wire} did not hear message ${message}`);
      }
    };
  }

  /** The clients that must hear a message now. */
  #listeners(from: number, destination: Destination): readonly Client[] {
    const reached = this.#isPaused ? [from] : [0, 1];
    return reached.flatMap((it) => this.#model.of(it)).filter((client) => this.#model.mayHear(client, destination));
  }

  #revoke(instance: number, user: string, room: string | undefined, barFor: number): void {
    const barredUntil = performance.now() + barFor;
    this.#everywhere(instance, (it) => this.#model.revoke({ user, room, instance: it, barredUntil }));
    const more = { ...(room === undefined ? {} : { room }), ...(barFor === 0 ? {} : { barFor }) };
    void this.#stage.helper(instance).revoke({ user, ...more });
  }

  #joinRooms(instance: number, user: string, room: string): void {
    this.#everywhere(instance, (it) => {
      for (const client of this.#model.of(it, user)) if (client.state === 'in') this.#model.programJoins(client, room);
    });
    void this.#stage.helper(instance).joinRooms({ user, rooms: [room] });
  }

  #revalidate(instance: number, user: string | undefined, room: string | undefined): void {
    this.#cause = { recheck: true };
    this.#everywhere(instance, (it) => {
      const rooms = room === undefined ? ROOMS : [room];
      for (const client of this.#model.of(it, user)) for (const each of rooms) this.#model.recheckBegins(client, each);
    });
    const which = { ...(user === undefined ? {} : { user }), ...(room === undefined ? {} : { room }) };
    void this.#stage.helper(instance).revalidate(which);
  }

  /** On this instance now, and on the other one when it hears of it. */
  #everywhere(instance: number, act: Held): void {
    act(instance);
    const other = 1 - instance;
    if (this.#isPaused) this.#held.push({ to: other, act });
    else act(other);
  }

  // The network and the time

  #pause(): void {
    this.#isPaused = true;
    this.#stage.network.pause('races-1');
  }

  #heal(): void {
    this.#cause = { recheck: true };
    this.#isPaused = false;
    const before = [...this.#model.clients.values()].map((client) => ({ ...client, rooms: new Map(client.rooms) }));
    const copies = new Map(before.map((client) => [client.wire, client]));
    this.#before = (client, to) => this.#model.mayHear(copies.get(client.wire) ?? client, to);
    for (const { to, act } of this.#held) act(to);
    this.#held = [];
    this.#stage.network.heal('races-1');
  }

  #wait(ms: number): () => void {
    this.#cause = undefined;
    const late = [...this.#open].filter(
      ({ call, time }) => call.kind === 'guard' && time + GUARD_TIMEOUT_MS <= performance.now() + ms,
    );
    this.#pass(ms);
    return () => {
      for (const open of late) {
        this.#open.delete(open);
        this.#answered(open, undefined, this.#again.has(open));
      }
      this.#endLate();
    };
  }

  #pass(ms: number): void {
    vi.advanceTimersByTime(ms);
  }

  /** Clients whose deadline has passed are closed by the server. */
  #endLate(): void {
    for (const client of [...this.#model.of(0), ...this.#model.of(1)]) {
      if (client.state !== 'in' && this.#stage.wire(client.wire).readyState !== 'open') this.#model.end(client);
    }
  }

  #shutDownOne(instance: number): void {
    this.#down.add(instance);
    for (const client of this.#model.of(instance)) this.#model.end(client);
    void this.#stage.helper(instance).shutdown();
  }

  /** At the end each client can do again what no verdict denies. */
  async #finish(): Promise<void> {
    if (this.#isPaused) await this.#perform('heal the network', () => this.#heal());
    await this.#perform('a minute passes', () => this.#wait(60_000));
    for (const client of [...this.#model.of(0), ...this.#model.of(1)]) {
      if (client.state !== 'in') continue;
      await this.#perform(`at the end ${client.wire} asks for red`, () => this.#join(client, ['red']));
      const open = [...this.#open].find((it) => it.client === client && it.request !== undefined);
      if (open === undefined) throw new Error(`the guard was not asked for ${client.wire}`);
      await this.#perform(`the guard grants ${client.wire} red`, () => this.#guard(open, ['red']));
    }
    const [up] = [0, 1].filter((instance) => !this.#down.has(instance));
    if (up !== undefined) await this.#perform('at the end, send to red', () => this.#send(up, { room: 'red' }));
  }

  async #shutDown(): Promise<void> {
    const shutting = this.#stage.helpers.map((helper) => helper.shutdown());
    for (const client of this.#model.clients.values()) this.#model.end(client);
    for (let i = 0; i < 3; i++) {
      await settled();
      this.#pass(60_000);
    }
    await Promise.all(shutting);
    await settled();
  }

  // Comparisons

  #called(call: ProgramCall): void {
    const client = this.#model.clients.get(call.wire);
    if (client === undefined) throw new Error(`a call for ${call.wire}`);
    const cause = this.#cause;
    const request = call.kind === 'guard' ? this.#requestOf(call, cause) : undefined;
    const open: Open = {
      ...{ call, client, request, at: this.#model.now, time: performance.now() },
      recheck: call.kind === 'guard' && request === undefined ? { clients: this.#groupOf(call, client) } : undefined,
    };
    this.#open.add(open);
    if (client.state === 'out') this.#faults.push(`${call.kind} was called for ${call.wire}, which has left`);
  }

  /** The request for which the guard is asked; undefined if it is asked again about rooms that the client is in. */
  #requestOf({ wire, rooms }: ProgramCall, cause: Cause): Request | undefined {
    if (cause !== undefined)
      return 'request' in cause && cause.request.client.wire === wire ? cause.request : undefined;
    // A guard was given up, and its answer would have been out of date.
    const isLate = (open: Open): boolean => open.time + GUARD_TIMEOUT_MS <= performance.now();
    const isSame = (open: Open): boolean => rooms.every((room) => open.call.rooms.includes(room));
    const late = [...this.#open].find(
      (open) =>
        open.call.wire === wire && open.request !== undefined && isLate(open) && isSame(open) && !this.#again.has(open),
    );
    if (late !== undefined) this.#again.add(late);
    return late?.request;
  }

  #groupOf({ rooms }: ProgramCall, client: Client): readonly Client[] {
    if (client.user === undefined) return [client];
    const isSame = (it: Client): boolean => rooms.every((room) => it.rooms.get(room) === 'guard');
    return this.#model.of(client.instance, client.user).filter(isSame);
  }

  #wrote(wire: string, packet: string): void {
    const client = this.#model.clients.get(wire);
    const message = MESSAGE.exec(packet)?.[1];
    if (client === undefined) return;
    if (message === undefined) {
      if (!/^[0134]/.test(packet) && !WORDS.test(packet)) this.#faults.push(`${wire} was sent ${packet}`);
      return;
    }
    const destination = this.#sent.get(Number(message));
    this.#got.get(Number(message))?.add(wire);
    if (this.#model.mayHear(client, destination) || this.#before?.(client, destination) === true) return;
    this.#faults.push(`${wire} heard message ${message} to ${JSON.stringify(destination)}`);
  }

  #heard(wire: string): void {
    if (this.#model.clients.get(wire)?.state !== 'in') this.#faults.push(`the program heard ${wire}`);
  }

  #compare(step: string): void {
    for (const client of this.#model.clients.values()) {
      if (!this.#down.has(client.instance)) this.#compareClient(client);
    }
    if (this.#faults.length > 0) throw new Error(`after "${step}": ${this.#faults.join('; ')}`);
  }

  #compareClient(client: Client): void {
    const socket = this.#stage.socketOf(client.wire);
    const isIn =
      socket !== undefined &&
      this.#stage.helper(client.instance).getClients().get(socket.id)?.state === 'authenticated';
    if (isIn !== (client.state === 'in')) this.#faults.push(`${client.wire} is ${isIn ? '' : 'not '}authenticated`);
    const found = socket === undefined ? [] : this.#stage.roomsOf(client.instance, socket.id);
    const rooms = found.filter((room) => ROOMS.includes(room)).sort();
    const wanted = client.state === 'in' ? [...client.rooms.keys()].sort() : [];
    if (rooms.join() !== wanted.join()) this.#faults.push(`${client.wire} is in [${rooms}] instead of [${wanted}]`);
  }

  /** Nothing is left of the instances. */
  #compareEnd(): void {
    for (const [index, helper] of this.#stage.helpers.entries()) {
      const { rooms, sids } = this.#stage.io(index).sockets.adapter;
      const left = [helper.getClients().size, rooms.size, sids.size];
      if (left.some((size) => size > 0)) this.#faults.push(`instance ${index} has clients, rooms, sockets: ${left}`);
    }
    const timers = vi.getTimerCount();
    if (timers > 0) this.#faults.push(`${timers} timers are left`);
    if (this.#faults.length > 0) throw new Error(`after the end: ${this.#faults.join('; ')}`);
  }

  #below(count: number): number {
    return Math.floor(this.#random() * count);
  }

  #pick<T>(from: readonly T[]): T {
    return from[this.#below(from.length)] as T;
  }
}

function answerOf(room: string, granted: readonly string[] | undefined): Answer {
  if (granted === undefined) return 'failed';
  return granted.includes(room) ? 'granted' : 'refused';
}
