import type { Reporter } from '../../ports/reports.js';
import { reportedError } from '../reported-error.js';
import type { BackplaneReport } from '../reports.js';
import { explain, namespaceOf, RefusedError } from './acl.js';
import { isForbidden, type RedisConnection } from './client.js';

export type Subscribe = 'PSUBSCRIBE' | 'SUBSCRIBE';

/** One pattern or channel that Redis refused. */
interface Refused extends Subscription {
  readonly since: number;
  /** Ticks between two attempts, and ticks left until the next one. */
  wait: number;
  left: number;
  error: unknown;
}

/** A subscription that Redis refused since `since`, and grants now. */
export type Granted = Pick<Refused, 'name' | 'since'>;

interface Subscription {
  readonly command: Subscribe;
  readonly name: string;
}

/** Most ticks between two attempts at a refused subscription. */
const LONGEST_WAIT = 30;

const RETRIED = `Roomgate tries again after 1 s, then less often, at least every ${LONGEST_WAIT} s`;

/**
 * The subscriptions of a connection. Redis refuses a whole command if its ACL refuses one of the names in it. So after a
 * refusal the names are sent one by one: granted ones stay, and refused ones are retried with a back-off.
 */
export class Subscriptions {
  readonly #report: Reporter<BackplaneReport>;
  readonly #wanted = new Map<string, Subscription>();
  readonly #granted = new Set<string>();
  readonly #refused = new Map<string, Refused>();
  #retrying = false;

  constructor(report: Reporter<BackplaneReport>) {
    this.#report = report;
  }

  add(command: Subscribe, names: Iterable<string>): void {
    for (const name of names) this.#wanted.set(keyOf(command, name), { command, name });
  }

  delete(command: Subscribe, names: Iterable<string>): void {
    for (const name of names) {
      const key = keyOf(command, name);
      for (const keys of [this.#wanted, this.#granted, this.#refused]) keys.delete(key);
    }
  }

  /** Why Redis refuses the subscription now; undefined if it does not. */
  refusal(command: Subscribe, name: string): unknown {
    return this.#refused.get(keyOf(command, name))?.error;
  }

  /** Whether messages arrive: surely, or once a lost connection is restored, or not. */
  hears(command: Subscribe, name: string): 'surely' | 'once restored' | 'not' {
    const key = keyOf(command, name);
    if (this.#granted.has(key)) return 'surely';
    return this.#wanted.has(key) && !this.#refused.has(key) ? 'once restored' : 'not';
  }

  /** Subscribes a new connection to everything. Rejects only if the connection itself fails. */
  async restore(client: RedisConnection): Promise<void> {
    this.#granted.clear();
    const all = [...this.#wanted.values()];
    const refused = all.filter((one) => this.#isRefused(one));
    await this.#subscribe(client, [
      ...refused.map((one) => [one]),
      ...commandsFor(all, (one) => !this.#isRefused(one)),
    ]);
  }

  /** Subscribes to what was added since `restore`. Rejects as `restore` does. */
  async complete(client: RedisConnection): Promise<void> {
    const isNew = (one: Subscription) => !this.#granted.has(keyOf(one.command, one.name)) && !this.#isRefused(one);
    await this.#subscribe(client, commandsFor([...this.#wanted.values()], isNew));
  }

  /** Once a second: tries refused subscriptions again. Returns those that are granted now. Rejects as `restore` does. */
  async tick(client: RedisConnection): Promise<readonly Granted[]> {
    for (const one of this.#refused.values()) one.left -= 1;
    const due = [...this.#refused.values()].filter(({ left }) => left <= 0);
    if (due.length === 0 || this.#retrying) return [];
    this.#retrying = true;
    for (const one of due) {
      one.wait = Math.min(2 * one.wait, LONGEST_WAIT);
      one.left = one.wait;
    }
    try {
      return await this.#subscribe(
        client,
        due.map((one) => [one]),
        { quiet: true },
      );
    } finally {
      this.#retrying = false;
    }
  }

  #isRefused({ command, name }: Subscription): boolean {
    return this.#refused.has(keyOf(command, name));
  }

  /** Returns those that were refused before. `quiet` skips reports about refusals, which were reported before. */
  async #subscribe(
    client: RedisConnection,
    commands: readonly (readonly Subscription[])[],
    { quiet = false } = {},
  ): Promise<readonly Granted[]> {
    const refused: Refused[] = [];
    const allowed: Refused[] = [];
    try {
      await Promise.all(commands.map((list) => this.#send(client, list, refused, allowed)));
      return allowed;
    } finally {
      if (!quiet) for (const group of byNamespace(refused)) this.#tellRefused(group);
      for (const group of byNamespace(allowed)) this.#tellAllowed(group);
    }
  }

  async #send(
    client: RedisConnection,
    list: readonly Subscription[],
    refused: Refused[],
    allowed: Refused[],
  ): Promise<void> {
    const [first, ...others] = list;
    if (first === undefined) return;
    try {
      await subscribe(client, list);
    } catch (error) {
      if (!isForbidden(error)) throw error;
      if (others.length === 0) this.#refuse(first, explain(error, first.command, first.name), refused);
      else await Promise.all(list.map((one) => this.#send(client, [one], refused, allowed)));
      return;
    }
    for (const one of list) this.#grant(one, allowed);
  }

  #refuse(one: Subscription, error: unknown, refused: Refused[]): void {
    const key = keyOf(one.command, one.name);
    if (!this.#wanted.has(key)) return;
    const entry = this.#refused.get(key) ?? { ...one, since: performance.now(), wait: 1, left: 1, error };
    entry.error = error;
    this.#refused.set(key, entry);
    refused.push(entry);
  }

  #grant({ command, name }: Subscription, allowed: Refused[]): void {
    const key = keyOf(command, name);
    const entry = this.#refused.get(key);
    this.#refused.delete(key);
    if (entry !== undefined) allowed.push(entry);
    if (this.#wanted.has(key)) this.#granted.add(key);
  }

  #tellRefused(group: readonly Refused[]): void {
    const [first] = group;
    if (first === undefined) return;
    const command = `${first.command} ${group.map(({ name }) => name).join(', ')}`;
    const consequence = `${missing(first)} do not arrive here. ${RETRIED}`;
    this.#report({
      type: 'backplane_command_refused',
      command,
      consequence,
      error: reportedError(shortest(first.error)),
    });
  }

  #tellAllowed(group: readonly Refused[]): void {
    const [first] = group;
    if (first === undefined) return;
    const command = `${first.command} ${group.map(({ name }) => name).join(', ')}`;
    this.#report({ type: 'backplane_command_allowed', command, afterMs: performance.now() - first.since });
  }
}

function keyOf(command: Subscribe, name: string): string {
  return `${command} ${name}`;
}

/** One command of each kind for the subscriptions that pass the filter. */
function commandsFor(all: readonly Subscription[], wanted: (one: Subscription) => boolean): Subscription[][] {
  const list = all.filter(wanted);
  return (['PSUBSCRIBE', 'SUBSCRIBE'] as const).map((kind) => list.filter(({ command }) => command === kind));
}

function subscribe(client: RedisConnection, list: readonly Subscription[]): Promise<unknown> {
  const names = list.map(({ name }) => name);
  return list[0]?.command === 'PSUBSCRIBE' ? client.psubscribe(...names) : client.subscribe(...names);
}

/** Groups subscriptions by namespace, so that each group is one report. */
function byNamespace(list: readonly Refused[]): Refused[][] {
  const groups = new Map<string, Refused[]>();
  for (const one of list) {
    const key = `${one.command} ${namespaceOf(one.name) ?? ''}`;
    groups.set(key, [...(groups.get(key) ?? []), one]);
  }
  return [...groups.values()];
}

function missing({ command, name }: Refused): string {
  const namespace = namespaceOf(name);
  if (namespace === undefined) return 'questions from other instances about socket ids, and their answers,';
  const what = command === 'PSUBSCRIBE' ? 'broadcasts' : 'requests and responses';
  return `${what} of other instances for the namespace "${namespace}"`;
}

/** The report names the channels already, so the error only has to name the rule. */
function shortest(error: unknown): unknown {
  if (!(error instanceof RefusedError) || !(error.cause instanceof Error)) return error;
  return new Error(`${error.cause.message}; the missing ACL rule is ${error.rule}`, { cause: error.cause });
}
