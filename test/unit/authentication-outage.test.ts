// npm test: node
// npm run test:matrix: newest-node, bun
import { describe, expect, it } from 'vitest';
import { BackOff } from '../../src/client/back-off.js';
import { decideAuthentication } from '../../src/gate/authentication.js';
import { AuthenticationBudget } from '../../src/gate/authentication-budget.js';
import type { GateReport } from '../../src/gate/reports.js';
import type { AuthenticateFn, IHandshake } from '../../src/ports/options.js';
import type { Wire } from '../../src/ports/wire.js';
import { simulateTime, type VirtualTime } from '../support/virtual-time.js';

/** Set it to play a failed test again. */
const SEED = Number(process.env.ROOMGATE_TEST_SEED ?? Math.floor(Math.random() * 2 ** 31));
const CLIENTS = 10_000;
const DEADLINE_MS = 10_000;
/** From the loss of a connection to `authenticate` on the next one, without the delay between the two. */
const CONNECTING_MS = 30;

type Check = (client: number) => boolean | Promise<boolean>;

/** An instance and its clients, without sockets: their back-off, their deadlines, and all decisions about them are the real ones. */
class Simulation {
  readonly time: VirtualTime = simulateTime(SEED);
  readonly calls: number[] = [];
  readonly authenticatedAt = new Map<number, number>();
  readonly refused: string[] = [];
  readonly reports: GateReport[] = [];
  readonly orders: number[] = [];
  check: Check = () => true;
  readonly #addressOf: (client: number) => string;
  readonly #budget = new AuthenticationBudget({
    mostCalls: 1_000,
    timeoutMs: DEADLINE_MS,
    report: (report) => this.reports.push(report),
  });
  readonly #backOffs = Array.from(
    { length: CLIENTS },
    () => new BackOff({ min: 1_000, max: 5_000, jitter: undefined }),
  );
  #connections = 0;

  constructor(addressOf: (client: number) => string) {
    this.#addressOf = addressOf;
  }

  /** All clients lose their connections now. */
  loseAll(): void {
    this.authenticatedAt.clear();
    for (const [client, backOff] of this.#backOffs.entries()) {
      backOff.succeeded();
      this.#comeBack(client);
    }
  }

  /** The most calls in any second from this time on. */
  busiestSecond(from: number): number {
    const calls = this.calls.filter((at) => at >= from);
    let first = 0;
    let most = 0;
    for (const [index, at] of calls.entries()) {
      while (at - (calls[first] ?? at) >= 1_000) first += 1;
      most = Math.max(most, index - first + 1);
    }
    return most;
  }

  timesOf(type: GateReport['type']): number {
    return this.reports.filter((report) => report.type === type).length;
  }

  #comeBack(client: number): void {
    const delay = this.#backOffs[client]?.duration() ?? 0;
    setTimeout(() => void this.#connect(client), delay + CONNECTING_MS);
  }

  async #connect(client: number): Promise<void> {
    const id = `${client}-${this.#connections++}`;
    let isOver = false;
    const end = (why: string): void => {
      isOver = true;
      this.#budget.giveUp(id);
      if (why === 'unavailable') this.#sendAway(client);
      else this.refused.push(why);
    };
    const deadline = setTimeout(
      () => end(this.#budget.causeOfDelay(id) === undefined ? 'timeout' : 'unavailable'),
      DEADLINE_MS,
    );
    const verdict = await this.#decide(client, id);
    clearTimeout(deadline);
    if (isOver) return;
    if (verdict.accepted) this.authenticatedAt.set(client, this.time.now());
    else end(verdict.code);
  }

  #sendAway(client: number): void {
    const after = this.#budget.comeBackAfter();
    this.orders.push(after);
    this.#backOffs[client]?.notSooner(after);
    this.#comeBack(client);
  }

  #decide(client: number, id: string) {
    const authenticateFn: AuthenticateFn = () => {
      this.calls.push(this.time.now());
      return this.check(client);
    };
    // Its address is not known. The budget gets the one of the handshake, and the check its payload.
    const addressOf = (): undefined => undefined;
    const handshake = { address: this.#addressOf(client), auth: {} } as IHandshake;
    const report = (): void => {};
    const limits = { payloadDepth: 64 };
    const rules = { authenticateFn, limits, budget: this.#budget, addressOf, failures: undefined, report };
    const candidate = { client: id, wire: {} as Wire, handshake, isAuthStripped: false, mayWait: true };
    return Promise.resolve(decideAuthentication(candidate, rules));
  }
}

/** A check that takes this long; at 0 it returns without a promise. */
function taking(ms: number, answer: () => boolean): Check {
  return ms === 0 ? answer : () => new Promise<void>((resolve) => setTimeout(resolve, ms)).then(answer);
}

const fail = (): never => {
  throw new Error('the database is down');
};

const ONE_ADDRESS = (): string => '10.0.0.1';
const OWN_ADDRESS = (client: number): string => `10.0.${client >> 8}.${client & 255}`;

describe(`10 000 clients whose authenticateFn fails (seed ${SEED})`, () => {
  it.each([
    ['throws at once', 0, 120, ONE_ADDRESS],
    ['throws at once, for clients of many addresses', 0, 120, OWN_ADDRESS],
    ['throws for a few seconds', 0, 5, ONE_ADDRESS],
    ['throws for ten minutes', 0, 600, ONE_ADDRESS],
    ['rejects after 50 ms', 50, 120, OWN_ADDRESS],
    ['rejects after 500 ms', 500, 120, ONE_ADDRESS],
    ['rejects after 1 s', 1_000, 120, OWN_ADDRESS],
    ['rejects after 3 s', 3_000, 120, ONE_ADDRESS],
  ])(
    'make at most 100 calls in any second, and are in within 90 s after it works: %s',
    async (_, ms, seconds, from) => {
      const simulation = new Simulation(from);
      simulation.check = taking(ms, fail);
      simulation.loseAll();
      await simulation.time.pass(seconds * 1_000);
      expect(simulation.busiestSecond(0)).toBeLessThanOrEqual(100);
      simulation.check = taking(ms, () => true);
      await simulation.time.pass(90_000);
      expect(simulation.authenticatedAt.size).toBe(CLIENTS);
      expect(simulation.refused).toEqual([]);
      expect(simulation.orders.every((ms) => ms >= 1_000 && ms <= 60_000)).toBe(true);
      expect(simulation.timesOf('authentication_outage_began')).toBe(1);
      expect(simulation.timesOf('authentication_outage_ended')).toBe(1);
    },
    60_000,
  );

  it('come back if the calls never settle, except for those that came before that was known', async () => {
    const simulation = new Simulation(ONE_ADDRESS);
    simulation.check = () => new Promise(() => {});
    simulation.loseAll();
    await simulation.time.pass(120_000);
    expect(simulation.busiestSecond(0)).toBeLessThanOrEqual(100);
    simulation.check = taking(20, () => true);
    await simulation.time.pass(90_000);
    expect(simulation.refused.length).toBeLessThanOrEqual(40);
    expect(new Set(simulation.refused)).toEqual(new Set(['timeout']));
    expect(simulation.authenticatedAt.size).toBe(CLIENTS - simulation.refused.length);
  }, 60_000);

  it('also if all of them were authenticated just before', async () => {
    const simulation = new Simulation(ONE_ADDRESS);
    simulation.check = taking(20, () => true);
    simulation.loseAll();
    await simulation.time.pass(30_000);
    expect(simulation.authenticatedAt.size).toBe(CLIENTS);
    simulation.check = taking(20, fail);
    simulation.loseAll();
    const began = simulation.time.now();
    await simulation.time.pass(60_000);
    expect(simulation.busiestSecond(began)).toBeLessThanOrEqual(100);
    simulation.check = taking(20, () => true);
    await simulation.time.pass(90_000);
    expect(simulation.authenticatedAt.size).toBe(CLIENTS);
  }, 60_000);
});

describe(`10 000 clients that reconnect at once (seed ${SEED})`, () => {
  it.each([
    ['at once', 0, 1_100],
    ['after 20 ms', 20, 1_200],
    ['after 100 ms', 100, 2_300],
  ])(
    'are authenticated without an outage by an authenticateFn that accepts them %s',
    async (_, ms, withinMs) => {
      const simulation = new Simulation(ONE_ADDRESS);
      simulation.check = taking(ms, () => true);
      simulation.loseAll();
      await simulation.time.pass(withinMs);
      expect(simulation.authenticatedAt.size).toBe(CLIENTS);
      expect(simulation.calls.length).toBe(CLIENTS);
      expect(simulation.reports).toEqual([]);
    },
    60_000,
  );
});
