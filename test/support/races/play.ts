import { Calls, isJoin, type Open } from './calls.js';
import type { Choice, NetworkState, Scene } from './choice.js';
import { named } from './choice.js';
import type { Client } from './client.js';
import { ClientActs, roomsOf } from './client-acts.js';
import { Clock, NOTICED_AFTER_MS } from './clock.js';
import { compareClient, compareEnd } from './compare.js';
import { Dice } from './dice.js';
import { Messages } from './messages.js';
import { Model } from './model.js';
import { ProgramActs } from './program-acts.js';
import { Stage, settled } from './stage.js';
import { together } from './together.js';

const DEFAULT_ROOMS = ['io-default', 'io-notification'];
const USERS = [['ann'], ['ann', 'ann', undefined], ['ann', 'ben'], ['ann', 'ben', undefined]];
const FEWEST_STEPS = 20;
const MORE_STEPS = 45;
/** In the first steps clients connect. */
const FIRST_STEPS = 10;
const MOST_CLIENTS = 6;
/** The part of the steps with a user, or a room, of the client that was chosen. */
const OF_CLIENT = 0.7;
/** How soon calls of the program settle. Most calls of the guard are for joins, and have the weight 1. */
const WEIGHTS = { authenticate: 3, guard: 4, connected: 0.5 };
const WAITS_MS = [5, 25, 100, 400, 1_000, 3_000, 5_000, 10_000];
const JUMPS_MS = [30, 1_000, 10_000, -1_000, -10_000];
/** How often seeds do each kind of event. */
const TASTES = [0, 0.3, 1, 1, 3, 8];

/** Plays one seed: random steps, and after each a comparison of the instances with the model. Throws at the first difference. */
export class Play {
  readonly #log: string[] = [];
  readonly #faults: string[] = [];
  readonly #down = new Set<number>();
  readonly #leftOut: ReadonlySet<number>;
  readonly #scene: Scene;
  readonly #calls: Calls;
  readonly #clock: Clock;
  readonly #clients: ClientActs;
  readonly #program: ProgramActs;
  readonly #seedDice: Dice;
  readonly #users: readonly (string | undefined)[];
  readonly #rooms: readonly string[];
  readonly #mostClients: number;
  readonly #tastes = new Map<string, number>();
  #step = 0;

  /** `leftOut`: the numbers of steps that do not happen. */
  constructor(seed: number, leftOut: ReadonlySet<number> = new Set()) {
    this.#leftOut = leftOut;
    const fault = (text: string): void => void this.#faults.push(text);
    const dice = new Dice(seed);
    const model = new Model(DEFAULT_ROOMS);
    const network: NetworkState = { state: 'open', held: [] };
    const messages = new Messages(model, fault);
    const stage = new Stage({
      called: (call) => this.#calls.called(call),
      wrote: (wire, packet) => {
        const client = model.clients.get(wire);
        if (client !== undefined) messages.wrote(client, packet);
      },
      heard: (wire) => {
        if (model.clients.get(wire)?.state !== 'in') fault(`the program heard ${wire}`);
      },
    });
    this.#scene = { dice, model, stage, messages, network, taste: (kind) => this.#taste(kind), fault };
    this.#calls = new Calls(this.#scene);
    this.#clock = new Clock(model, this.#calls);
    this.#clients = new ClientActs(this.#scene, this.#calls);
    this.#program = new ProgramActs(this.#scene);
    this.#seedDice = new Dice(seed);
    this.#users = this.#seedDice.pick(USERS, 'users');
    this.#rooms = roomsOf(this.#scene);
    this.#mostClients = 1 + this.#seedDice.below(MOST_CLIENTS, 'clients');
  }

  /** The steps so far, one a line. */
  get steps(): string {
    return this.#log.join('\n');
  }

  /** The numbers of the steps so far. */
  get count(): number {
    return this.#step;
  }

  async run(): Promise<void> {
    await this.#scene.stage.start();
    try {
      const count = FEWEST_STEPS + this.#seedDice.below(MORE_STEPS, 'steps');
      for (this.#step = 1; this.#step <= count; this.#step++) {
        if (!this.#leftOut.has(this.#step)) await this.#next();
      }
      await this.#finish();
    } finally {
      await this.#shutDown();
    }
    const { stage, fault } = this.#scene;
    const ids = [...this.#scene.model.clients.values()].flatMap(({ id }) => (id === undefined ? [] : [id]));
    compareEnd(stage, ids, fault);
    this.#throwFaults('the end');
  }

  async #next(): Promise<void> {
    const { dice } = this.#scene;
    dice.begin(this.#step);
    await this.#clock.pass(1);
    const choice = dice.choose(this.#choices().filter(({ weight }) => weight > 0));
    if (choice !== undefined) await this.#perform(choice);
  }

  async #perform({ name, before, act, after }: Choice): Promise<void> {
    this.#log.push(`${this.#step}. ${name}`);
    before?.();
    await act();
    await settled();
    after?.();
    this.#calls.checkRechecks();
    const { model, stage, fault } = this.#scene;
    for (const client of model.clients.values()) {
      if (!this.#down.has(client.instance)) compareClient(stage, client, fault);
    }
    this.#throwFaults(name);
  }

  #throwFaults(after: string): void {
    if (this.#faults.length > 0) throw new Error(`after "${after}": ${this.#faults.join('; ')}`);
  }

  #taste(kind: string): number {
    const known = this.#tastes.get(kind);
    if (known !== undefined) return known;
    const taste = this.#seedDice.pick(TASTES, `taste ${kind}`);
    this.#tastes.set(kind, taste);
    return taste;
  }

  // Choices

  #choices(): Choice[] {
    const { dice, model } = this.#scene;
    const instance = dice.pick(this.#up, 'instance');
    const connecting = this.#clients.connecting(`c${this.#step}`, instance, this.#users);
    const isFirst = this.#step <= FIRST_STEPS;
    const begin = isFirst ? 6 : 1;
    const open = this.#openCall();
    const client = dice.choose(named(model.living))?.client;
    const { user, room } = this.#subjects(client);
    const choices = [
      ...(model.living.length < this.#mostClients ? [{ ...connecting, weight: connecting.weight * begin }] : []),
      ...(isFirst ? [] : this.#program.by(instance, user, room)),
      ...(isFirst ? [] : this.#surroundings(instance)),
      ...(client === undefined ? [] : this.#clients.of(client, room, dice.pick(this.#rooms, 'another room'))),
      ...(open === undefined ? [] : this.#calls.settling(open)),
      ...this.#calls.settlingLate(),
    ];
    const tick = together({
      ...{ scene: this.#scene, calls: this.#calls, clients: this.#clients, program: this.#program },
    });
    if (tick !== undefined) choices.push(tick);
    return choices;
  }

  /** The user and the room of the next step: mostly of this client, so that many events are about the same. */
  #subjects(client: Client | undefined): { user: string; room: string } {
    const { dice } = this.#scene;
    const user = dice.number('its user') < OF_CLIENT ? client?.identity?.user : undefined;
    const used = client === undefined ? [] : [...client.rooms.keys(), ...this.#calls.roomsOf(client)];
    const room = used.length > 0 && dice.number('its room') < OF_CLIENT ? dice.pick(used, 'used room') : undefined;
    return {
      user: user ?? dice.pick(this.#users, 'user of who') ?? 'ann',
      room: room ?? dice.pick(this.#rooms, 'room'),
    };
  }

  #openCall(): Open | undefined {
    const named = [...this.#calls.open].map((open) => {
      const { kind, wire } = open.call;
      return { open, name: `${kind} ${wire} ${open.at}`, weight: isJoin(open) ? 1 : WEIGHTS[kind] };
    });
    return this.#scene.dice.choose(named)?.open;
  }

  get #up(): readonly number[] {
    return [0, 1].filter((instance) => !this.#down.has(instance));
  }

  /** The network, the time, and the end of an instance. */
  #surroundings(instance: number): Choice[] {
    const { dice, network, model } = this.#scene;
    if (network.state !== 'open') return [this.#program.healing()];
    const ms = dice.pick(WAITS_MS, 'ms');
    const choices = [
      {
        name: `${ms} ms pass`,
        weight: 2 * this.#taste('time'),
        act: () => this.#clock.pass(ms),
      },
      this.#jumping(instance, dice.pick(JUMPS_MS, 'jump')),
    ];
    if (this.#up.length < 2) return choices;
    choices.push(this.#program.interrupting('paused'), this.#program.interrupting('cut'));
    if (model.clients.size > 3) choices.push(this.#shuttingDown(instance));
    return choices;
  }

  /** What is over by the wall clock is over at once, although no instance has noticed it. */
  #jumping(instance: number, ms: number): Choice {
    let after: (() => void) | undefined;
    return {
      name: `the wall clock jumps by ${ms} ms, and ${instance} sends to all`,
      weight: 0.3 * this.#taste('jump'),
      act: async () => {
        this.#clock.jump(ms);
        const sending = this.#program.sending(instance, undefined);
        await sending.act();
        await settled();
        after = sending.after;
        await this.#clock.pass(NOTICED_AFTER_MS);
      },
      after: () => after?.(),
    };
  }

  #shuttingDown(instance: number): Choice {
    const { model, stage } = this.#scene;
    return {
      name: `${instance} shuts down`,
      weight: 0.3 * this.#taste('shutdown'),
      before: () => {
        this.#down.add(instance);
        for (const client of model.of(instance)) model.end(client);
      },
      act: () => void stage.helper(instance).shutdown(),
    };
  }

  // The end

  /** Each client can do again what no verdict denies. */
  async #finish(): Promise<void> {
    const { model, network } = this.#scene;
    if (network.state !== 'open') await this.#perform(this.#program.healing());
    await this.#perform({ name: 'a minute passes', weight: 1, act: () => this.#clock.pass(60_000) });
    for (const client of model.living) {
      if (client.state !== 'in') continue;
      await this.#perform(this.#clients.asking(client, 'red'));
      for (const open of this.#calls.open) {
        if (open.client === client && open.call.kind === 'guard') await this.#grant(open);
      }
    }
    const [up] = this.#up;
    if (up !== undefined) await this.#perform(this.#program.sending(up, { room: 'red' }));
  }

  async #grant(open: Open): Promise<void> {
    const [choice] = this.#calls.guard(open);
    if (choice !== undefined) await this.#perform(choice);
  }

  async #shutDown(): Promise<void> {
    const { stage, model } = this.#scene;
    const shutting = stage.helpers.map((helper) => helper.shutdown());
    for (const client of model.clients.values()) model.end(client);
    for (let i = 0; i < 3; i++) {
      await settled();
      await this.#clock.pass(60_000);
    }
    await Promise.all(shutting);
    await settled();
  }
}
