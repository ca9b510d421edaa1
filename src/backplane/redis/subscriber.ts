import type { Reporter } from '../../ports/reports.js';
import { OutageReporter } from '../outage-reporter.js';
import type { RejectedMessages } from '../rejected-messages.js';
import type { BackplaneReport } from '../reports.js';
import { call, explain, RefusedError } from './acl.js';
import { type Dialer, isForbidden, type RedisConnection } from './client.js';
import { Fence, type Limited } from './fence.js';
import { inspectRequest, inspectResponse } from './inspect.js';
import { Link } from './link.js';
import { UNPINGED } from './report-once.js';
import { type Subscribe, Subscriptions } from './subscriptions.js';

type MessageListener = (...args: unknown[]) => unknown;

export interface SubscriberOptions {
  /** In Redis' list of clients. */
  readonly connectionName: string;
  readonly dialer: Dialer;
  readonly report: Reporter<BackplaneReport>;
  readonly limited: Limited;
  readonly junk: RejectedMessages;
  /** Of the adapter's channels: `socket.io` by default there. */
  readonly key: string;
  /** Subscribed for as long as the connection lives, whatever the adapter does. */
  readonly patterns: readonly string[];
  /** The same for channels; their messages go to the handler and not to the adapter. */
  readonly channels: ReadonlyMap<string, (message: Buffer) => void>;
  /** A sign that the subscription works: what follows this prefix on the pattern is kept from the adapter. */
  readonly probePrefix: string;
  readonly onProbe: (sender: string) => void;
  /** Runs for each message on a pattern, except probes. */
  readonly onBroadcast: (message: Buffer) => void;
  /** Runs when an outage ends. */
  readonly onRestored: () => void;
}

/** Ticks without a word on the pattern, though Redis took our probes, after which the subscription is deaf. */
const DEAF_AFTER = 10;
/** Ticks without any answer to a ping, after which the connection is dead. */
const DEAD_AFTER = 10;

/**
 * Looks to Socket.IO's adapter like a client in subscriber mode, and guards what comes through: it keeps the list of
 * subscriptions itself and renews it on each connection, judges messages before the adapter acts on them, catches what
 * its handlers throw, and notices a subscription that is connected and hears nothing.
 */
export class Subscriber {
  readonly #options: SubscriberOptions;
  readonly #link: Link;
  readonly #outage: OutageReporter;
  readonly #listeners = new Map<string, Set<MessageListener>>();
  readonly #subscriptions: Subscriptions;
  /** The one connection that is listened to, from before it is up: it hears as soon as it is subscribed. */
  #heard: RedisConnection | undefined;
  #silentTicks = 0;
  #pinging = false;
  #deafTicks = 0;
  #probed = false;
  /** False during startup, when a refused essential subscription has to fail configure(). */
  #everUp = false;

  constructor(options: SubscriberOptions) {
    const { connectionName, dialer, report, limited } = options;
    const fence = new Fence(connectionName, limited);
    this.#options = options;
    this.#subscriptions = new Subscriptions(report);
    this.#subscriptions.add('PSUBSCRIBE', options.patterns);
    this.#subscriptions.add('SUBSCRIBE', options.channels.keys());
    this.#outage = new OutageReporter('subscriber', report);
    this.#link = new Link({
      dial: (attempt) => dialer.dial(connectionName, attempt),
      explain: (client, error) => dialer.explain?.(client, error) ?? error,
      greet: async (client) => {
        // Its predecessor would go on being counted as a server that can be asked.
        await fence.pass(client);
        this.#listenTo(client);
        await this.#subscriptions.restore(client);
        this.#needEssentials();
      },
      onUp: (client) => this.#rise(client),
      onFailed: (error) => this.#outage.failing(error),
      onDown: (error) => {
        this.#heard = undefined;
        this.#outage.begin(error);
      },
    });
  }

  get connected(): boolean {
    return this.#link.client !== undefined;
  }

  get lastError(): unknown {
    return this.#link.lastError;
  }

  /** Whether broadcasts of the namespace arrive. */
  hears(namespace: string): 'surely' | 'once restored' | 'not' {
    return this.#subscriptions.hears('PSUBSCRIBE', `${this.#options.key}#${namespace}#*`);
  }

  start(): void {
    this.#link.start();
  }

  async stop(timeoutMs: number): Promise<void> {
    this.#listeners.clear();
    this.#heard = undefined;
    await this.#link.stop(timeoutMs);
  }

  replace(error: unknown): void {
    this.#link.replace(error);
  }

  on(event: string, listener: MessageListener): this {
    const listeners = this.#listeners.get(event) ?? new Set();
    this.#listeners.set(event, listeners.add(listener));
    return this;
  }

  off(event: string, listener: MessageListener): this {
    this.#listeners.get(event)?.delete(listener);
    return this;
  }

  listenerCount(event: string): number {
    return this.#listeners.get(event)?.size ?? 0;
  }

  psubscribe(pattern: string): void {
    this.#add('PSUBSCRIBE', [pattern]);
  }

  subscribe(channels: string | string[]): void {
    this.#add('SUBSCRIBE', [channels].flat());
  }

  punsubscribe(pattern: string): void {
    if (this.#options.patterns.includes(pattern)) return;
    this.#subscriptions.delete('PSUBSCRIBE', [pattern]);
    this.#leave('PUNSUBSCRIBE', (client) => client.punsubscribe(pattern));
  }

  unsubscribe(channels: string | string[]): void {
    const list = [channels].flat().filter((channel) => !this.#options.channels.has(channel));
    this.#subscriptions.delete('SUBSCRIBE', list);
    if (list.length > 0) this.#leave('UNSUBSCRIBE', (client) => client.unsubscribe(...list));
  }

  /** Redis acknowledged a probe of ours: by now, or soon, it must have been heard. */
  probed(): void {
    this.#probed = true;
  }

  /** Once a second. `publisherHealthy`: nothing can be expected to be heard while nothing can be said. */
  tick(publisherHealthy: boolean): void {
    const client = this.#link.client;
    if (client === undefined) return;
    this.#ping(client);
    this.#watch(client, this.#subscriptions.tick(client));
    if (this.#silentTicks >= DEAD_AFTER) {
      this.#link.replace(new Error('Redis does not answer.'));
      return;
    }
    // If the ACL refuses the pattern, another connection would hear no probe either.
    const isRefused = this.#options.patterns.some((pattern) => this.#isRefused('PSUBSCRIBE', pattern));
    this.#deafTicks = publisherHealthy && this.#probed && !isRefused ? this.#deafTicks + 1 : 0;
    if (this.#deafTicks < DEAF_AFTER) return;
    this.#options.report({ type: 'backplane_subscription_replaced', silentMs: this.#deafTicks * 1_000 });
    this.#link.replace(new Error('The subscription is deaf.'));
  }

  /** Asked all the time, since nothing else is said on this connection that could go unanswered. */
  #ping(client: RedisConnection): void {
    this.#silentTicks += 1;
    if (this.#pinging) return;
    this.#pinging = true;
    const answered = () => {
      if (client !== this.#link.client) return;
      this.#pinging = false;
      this.#silentTicks = 0;
    };
    call(client, 'ping').then(answered, (error: unknown) => {
      answered();
      if (isForbidden(error)) this.#options.limited('PING', UNPINGED, error);
    });
  }

  #rise(client: RedisConnection): void {
    this.#silentTicks = 0;
    this.#pinging = false;
    this.#deafTicks = 0;
    this.#probed = false;
    if (this.#outage.lasts) this.#options.onRestored();
    this.#outage.end({ dropped: 0, uncertain: 0 });
    this.#everUp = true;
    // Subscribes to what was added during the restoration.
    this.#watch(client, this.#subscriptions.complete(client));
  }

  #add(command: Subscribe, names: readonly string[]): void {
    this.#subscriptions.add(command, names);
    const client = this.#link.client;
    if (client !== undefined) this.#watch(client, this.#subscriptions.complete(client));
  }

  /** Replaces the connection if `work` fails. */
  #watch(client: RedisConnection, work: Promise<void>): void {
    work.catch((error: unknown) => {
      // A connection that was lost meanwhile has a successor, which is not to blame.
      if (client === this.#link.client) this.#link.replace(error);
    });
  }

  #isRefused(command: Subscribe, name: string): boolean {
    return this.#subscriptions.refusal(command, name) !== undefined;
  }

  /** Throws if Redis refuses an essential subscription during startup. Later, the instance goes on without it. */
  #needEssentials(): void {
    if (this.#everUp) return;
    const { patterns, channels } = this.#options;
    const refusals = [
      ...patterns.map((name) => this.#subscriptions.refusal('PSUBSCRIBE', name)),
      ...[...channels.keys()].map((name) => this.#subscriptions.refusal('SUBSCRIBE', name)),
    ].filter((refusal) => refusal !== undefined);
    if (refusals.length > 0) throw allOf(refusals);
  }

  #listenTo(client: RedisConnection): void {
    this.#heard = client;
    client.on('pmessageBuffer', (pattern: string, channel: Buffer, message: Buffer) => {
      if (client === this.#heard) this.#hearPattern(pattern, channel.toString(), message);
    });
    client.on('messageBuffer', (channel: Buffer, message: Buffer) => {
      if (client === this.#heard) this.#hearChannel(channel.toString(), message);
    });
  }

  #leave(command: string, send: (client: RedisConnection) => Promise<unknown>): void {
    const client = this.#link.client;
    if (client === undefined) return;
    send(client).catch((error: unknown) => {
      // A connection that was lost meanwhile has a successor, which does not subscribe to it.
      if (!isForbidden(error)) return;
      this.#options.limited(
        command,
        'messages for namespaces that were closed still arrive here',
        explain(error, command),
      );
    });
  }

  #hearPattern(pattern: string, channel: string, message: Buffer): void {
    this.#silentTicks = 0;
    this.#deafTicks = 0;
    this.#probed = false;
    const { probePrefix, onProbe, onBroadcast } = this.#options;
    // A probe is empty, which no message to a room is: a program may send to any room that a client has named.
    if (channel.startsWith(probePrefix) && message.length === 0) onProbe(channel.slice(probePrefix.length, -1));
    else {
      onBroadcast(message);
      this.#emit('broadcast', 'pmessageBuffer', [pattern, channel, message]);
    }
  }

  #hearChannel(channel: string, message: Buffer): void {
    this.#silentTicks = 0;
    const own = this.#options.channels.get(channel);
    if (own === undefined) this.#hearAdapterChannel(channel, message);
    else own(message);
  }

  #hearAdapterChannel(channel: string, message: Buffer): void {
    const isRequest = channel.startsWith(`${this.#options.key}-request#`);
    const kind = isRequest ? 'request' : 'response';
    let callsProgram = false;
    try {
      if (isRequest) callsProgram = inspectRequest(message).callsProgram;
      else inspectResponse(message);
    } catch (error) {
      this.#options.junk.refuse(kind, error);
      return;
    }
    this.#emit(callsProgram ? 'program' : kind, 'messageBuffer', [channel, message]);
  }

  /** Each listener on its own, so that one namespace's failure is not another's. */
  #emit(kind: string, event: string, args: unknown[]): void {
    for (const listener of [...(this.#listeners.get(event) ?? [])]) void this.#call(kind, listener, args);
  }

  async #call(kind: string, listener: MessageListener, args: unknown[]): Promise<void> {
    try {
      await listener(...args);
    } catch (error) {
      if (kind !== 'program') this.#options.junk.refuse(kind, error);
      else this.#options.report({ type: 'handler_failed', where: 'a handler of serverSideEmit', error });
    }
  }
}

/** One error for several refusals, which names each missing rule once. */
function allOf(refusals: readonly unknown[]): unknown {
  const errors = refusals.filter((refusal) => refusal instanceof RefusedError);
  const rules = new Map(errors.map((error) => [error.rule, error]));
  if (rules.size < 2) return refusals[0];
  const [first] = errors;
  const others = [...rules.keys()].filter((rule) => rule !== first?.rule);
  return new Error(`${first?.message}; also missing: ${others.join(' ')}`, { cause: first });
}
