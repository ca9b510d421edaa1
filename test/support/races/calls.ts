import type { Choice, Scene } from './choice.js';
import { type Answer, type Client, type Identity, type Recheck, Request } from './client.js';
import { GUARD_TIMEOUT_MS, type ProgramCall } from './stage.js';

/** A call of a function of the program that has not settled, and what it was called for. */
export interface Open {
  readonly call: ProgramCall;
  readonly client: Client;
  /** When it was called, as a moment of the model, and by `performance.now()`. */
  readonly at: number;
  readonly time: number;
  readonly of: Request | Recheck | undefined;
}

/** The cause of the calls for new credentials. */
export const RENEWAL = Symbol('renewal');

/** Milliseconds for which a room, or access, may be granted; undefined: without end. */
const LIVES = {
  room: [undefined, undefined, undefined, 20, 400, 3_000, 12_000, 60_000],
  access: [undefined, 60, 3_000, 12_000, 60_000, 60_000],
};

/** The calls of functions of the program. */
export class Calls {
  readonly open = new Set<Open>();
  /** Calls of the guard that were given up. What they answer does not count. */
  readonly #late = new Set<Open>();
  /** The clients with which the guard was asked. */
  readonly #asked = new Map<Recheck, ReadonlySet<Client>>();
  readonly #settledAt = new WeakMap<Open, number>();
  readonly #scene: Scene;
  /** Whether a client may be gone when the guard is asked about it, because events of one tick happen in any order. */
  isUnordered = false;

  constructor(scene: Scene) {
    this.#scene = scene;
  }

  called(call: ProgramCall): void {
    const { model, fault } = this.#scene;
    const client = model.clients.get(call.wire);
    if (client === undefined) throw new Error(`a call for ${call.wire}`);
    if (client.state === 'out' && !this.isUnordered) fault(`${call.kind} was called for ${call.wire}, which has left`);
    const open = { call, client, at: model.next(), time: performance.now(), of: this.#reason(call, client) };
    if (call.cause === RENEWAL && call.kind === 'authenticate') this.#renews(client);
    this.open.add(open);
  }

  #renews(client: Client): void {
    const { model, fault } = this.#scene;
    if (!model.mayRenew(client)) fault(`the program was asked about new credentials of ${client.wire}`);
    client.renewal = { startedAt: performance.now(), isPending: true };
  }

  #reason({ kind, rooms, cause }: ProgramCall, client: Client): Request | Recheck | undefined {
    if (kind !== 'guard') return undefined;
    if (cause instanceof Request) return cause;
    const isAbout = (it: Recheck): boolean =>
      it.clients.includes(client) && it.rooms.length === rooms.length && rooms.every((room) => it.rooms.includes(room));
    const askedBefore = (it: Recheck): number => this.#asked.get(it)?.size ?? 0;
    // If the client that was asked with has left, the guard is asked with another one.
    const [found] = [...this.#scene.model.rechecks]
      .filter((it) => isAbout(it) && !this.isOpen(it) && this.#asked.get(it)?.has(client) !== true)
      .sort((one, other) => askedBefore(one) - askedBefore(other));
    if (found === undefined) this.#scene.fault(`the guard was asked again for ${client.wire} about [${rooms}]`);
    else this.#asked.set(found, new Set([...(this.#asked.get(found) ?? []), client]));
    return found;
  }

  /** Whether the guard is being asked for this. */
  isOpen(what: Request | Recheck): boolean {
    for (const { of } of this.open) if (of === what) return true;
    return false;
  }

  /** The rooms about which the guard is being asked for this client. */
  roomsOf(client: Client): readonly string[] {
    return [...this.open].filter((open) => open.client === client).flatMap(({ call }) => call.rooms);
  }

  /** Each recheck asks the guard, as long as one of its clients has not left. */
  checkRechecks(): void {
    const { model, fault } = this.#scene;
    for (const recheck of model.rechecks) {
      if (this.isOpen(recheck)) continue;
      model.rechecks.delete(recheck);
      const isWanted = recheck.clients.some(({ state }) => state === 'in');
      if (isWanted) fault(`the guard was not asked again for ${recheck.clients[0]?.wire} about [${recheck.rooms}]`);
    }
  }

  // Calls that take too long

  /** Milliseconds until a call of the guard is given up. */
  get msUntilLate(): number {
    let least = Number.POSITIVE_INFINITY;
    for (const open of this.open) if (open.call.kind === 'guard') least = Math.min(least, msLeft(open));
    return least;
  }

  /** Returns what is to be done once everything has followed from the end of the calls that take too long. */
  giveUp(): () => void {
    const late = [...this.open].filter((open) => open.call.kind === 'guard' && msLeft(open) <= 0);
    for (const open of late) {
      this.open.delete(open);
      this.#late.add(open);
    }
    return () => {
      for (const open of late) this.#answered(open, new Map(open.call.rooms.map((room) => [room, 'failed'])));
    };
  }

  settlingLate(): Choice[] {
    return [...this.#late].slice(0, 1).map((open) => ({
      name: `the guard answers too late for ${open.call.wire}`,
      weight: this.#scene.taste('late'),
      act: () => {
        this.#late.delete(open);
        open.call.settle([...open.call.rooms]);
      },
    }));
  }

  // What the program answers

  settling(open: Open): Choice[] {
    const { kind, cause } = open.call;
    if (kind === 'guard') return this.guard(open);
    if (kind === 'connected') return this.#connected(open);
    return cause === RENEWAL ? this.#renewal(open) : this.#admission(open);
  }

  guard(open: Open): Choice[] {
    const { wire, rooms } = open.call;
    const { taste } = this.#scene;
    const answers = new Map(
      rooms.map((room): [string, Answer] => [room, this.#answerAbout(`${wire} ${room} ${open.at}`)]),
    );
    const verdicts = [...answers].map(([room, answer]) => this.#verdictOf(wire, room, answer));
    const what = isJoin(open) ? 'the guard' : 'the guard, asked again,';
    const after = (given: ReadonlyMap<string, Answer>) => () => this.#answered(open, given);
    return [
      {
        name: `${what} answers ${wire}: ${[...answers].map(textOf)}`,
        weight: 15 * Math.max(0.3, taste('guard')),
        act: () => this.#settle(open, () => open.call.settle(verdicts.filter((it) => it !== undefined))),
        after: after(answers),
      },
      {
        name: `${what} fails for ${wire} [${rooms}]`,
        weight: taste('guard fails'),
        act: () => this.#settle(open, () => open.call.fail(new Error('no'))),
        after: after(new Map(rooms.map((room) => [room, 'failed']))),
      },
    ];
  }

  /** A room that the guard leaves out is refused. */
  #verdictOf(wire: string, room: string, answer: Answer): object | string | undefined {
    if (typeof answer !== 'string') return answer.until === undefined ? room : { room, until: answer.until };
    const hasCode = this.#scene.dice.number(`code ${wire} ${room}`) < 0.5;
    return hasCode ? { room, refused: 'closed', retry: true } : undefined;
  }

  #answerAbout(what: string): Answer {
    const { dice, taste } = this.#scene;
    if (dice.number(`refused ${what}`) < Math.min(0.6, 0.2 * taste('refused'))) return 'refused';
    const ms = dice.pick(LIVES.room, `until ${what}`);
    return { until: ms === undefined || taste('until') < 1 ? undefined : Date.now() + ms };
  }

  #settle(open: Open, act: () => void): void {
    this.open.delete(open);
    this.#settledAt.set(open, this.#scene.model.next());
    act();
  }

  /** The guard has answered, or failed. It may have been asked again at once, because its answer is out of date. */
  #answered(open: Open, answers: ReadonlyMap<string, Answer>): void {
    const { client, of, at } = open;
    const { model } = this.#scene;
    if (of instanceof Request) {
      for (const [room, answer] of answers) of.decisions.set(room, { answer, askedAt: at });
      if (!this.isOpen(of)) model.decide(of);
      return;
    }
    // If the client has left, the guard may have failed because of that.
    if (of === undefined || (client.state === 'out' && this.isOpen(of))) return;
    model.recheckSettled(of, answers, this.#settledAt.get(open) ?? model.next());
  }

  #connected(open: Open): Choice[] {
    const { client, call } = open;
    const { model, taste } = this.#scene;
    const choice = (isOk: boolean, act: () => void): Choice => ({
      name: `clientConnectedFn of ${call.wire} ${isOk ? 'settles' : 'fails'}`,
      weight: isOk ? 2 * taste('connected') : 0.3,
      before: () => model.connectedFnSettled(client, isOk),
      act: () => this.#settle(open, act),
    });
    return [choice(true, () => call.settle(undefined)), choice(false, () => call.fail(new Error('no')))];
  }

  #admission(open: Open): Choice[] {
    const { client, call, time } = open;
    const { wire } = call;
    const { model, dice } = this.#scene;
    const identity = this.#identityOf(client, dice.pick([1, 2], `level ${wire}`));
    const refused = () => {
      if (client.state === 'asking') model.end(client);
    };
    const choice = (name: string, weight: number, before: () => void, act: () => void): Choice => ({
      ...{ name, weight, before, act: () => this.#settle(open, act) },
    });
    return [
      choice(
        `${wire} is accepted as ${identity === undefined ? 'true' : identityText(identity)}`,
        10,
        () => model.accept(client, identity, time),
        () => call.settle(identity === undefined ? true : answerOf(identity, open.at)),
      ),
      choice(`${wire} is refused`, 0.5, refused, () => call.settle(false)),
      choice(`${wire} is refused with a code`, 0.3, refused, () => call.settle({ refused: 'banned', retry: true })),
      choice(`authenticateFn fails for ${wire}`, 0.5, refused, () => call.fail(new Error('no'))),
    ];
  }

  #renewal(open: Open): Choice[] {
    const { client, call, time } = open;
    const { wire } = call;
    const { model, dice } = this.#scene;
    const known = client.identity;
    if (known === undefined) throw new Error(`${wire} has no identity`);
    const renewed = this.#identityOf(client, known.level) ?? known;
    const level = dice.pick([1, 2, 3], `renewed level ${wire}`);
    const choice = (name: string, weight: number, answer: Identity | false | undefined, act: () => void): Choice => ({
      name: `${wire} ${name}`,
      weight,
      before: () => model.renewed(client, time, answer),
      act: () => this.#settle(open, act),
    });
    const settles = (name: string, weight: number, identity: Identity): Choice =>
      choice(name, weight, identity, () => call.settle(answerOf(identity, open.at)));
    const changed = { ...renewed, level };
    return [
      settles(`renews as ${identityText(renewed)}`, 8, renewed),
      settles(`renews with other claims, as ${identityText(changed)}`, 8, changed),
      settles('renews as another user', 0.5, { ...renewed, user: 'mallory' }),
      settles('renews with another session', 0.5, { ...renewed, session: 'other' }),
      choice('renews as true', 0.3, { ...renewed, user: '' }, () => call.settle(true)),
      choice('renews, and is refused', 0.5, false, () => call.settle(false)),
      choice('renews, and is refused with a code', 0.3, false, () => call.settle({ refused: 'banned', retry: true })),
      choice('renews with credentials that expired', 0.3, false, () =>
        call.settle(answerOf({ ...renewed, expiresAt: Date.now() - 1 }, open.at)),
      ),
      choice('renews, and authenticateFn fails', 2, undefined, () => call.fail(new Error('no'))),
    ];
  }

  #identityOf({ wire, user, session }: Client, level: number): Identity | undefined {
    if (user === undefined) return undefined;
    const { dice, taste } = this.#scene;
    const ms = taste('expiry') < 1 ? undefined : dice.pick(LIVES.access, `life ${wire}`);
    const issuedAt = Date.now() - dice.pick([0, 5, 30, 1_000], `issued ${wire}`);
    return { user, session, issuedAt, level, expiresAt: ms === undefined ? undefined : Date.now() + ms };
  }
}

/** Whether the guard will be asked again, because its answer is out of date. */
export function isOutdated({ call, client, at }: Open): boolean {
  return call.rooms.some((room) => at <= (client.outdated.get(room) ?? 0));
}

export function isJoin({ of }: Open): boolean {
  return of instanceof Request;
}

function msLeft({ time }: Open): number {
  return time + GUARD_TIMEOUT_MS - performance.now();
}

function textOf([room, answer]: [string, Answer]): string {
  if (typeof answer === 'string') return `not ${room}`;
  return answer.until === undefined ? room : `${room} for ${answer.until - Date.now()} ms`;
}

function identityText({ user, session, level, issuedAt, expiresAt }: Identity): string {
  const life = expiresAt === undefined ? 'without end' : `for ${expiresAt - Date.now()} ms`;
  return `${user} (session ${session}, level ${level}, issued ${Date.now() - issuedAt} ms ago) ${life}`;
}

/** What `authenticateFn` returns. `token`: differs between any two. */
function answerOf({ level, ...identity }: Identity, token: number): object {
  return { ...identity, claims: { level, jti: token } };
}
