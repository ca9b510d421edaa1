import type { Reporter } from '../../ports/reports.js';
import type { OutageReporter } from '../outage-reporter.js';
import type { RejectedMessages } from '../rejected-messages.js';
import type { BackplaneReport } from '../reports.js';
import { explain, RefusedError } from './acl.js';
import { type Dialer, isForbidden, type RedisConnection, SILENT } from './client.js';
import { Fence } from './fence.js';
import { inspectRequest, inspectResponse } from './inspect.js';
import { Liveness } from './liveness.js';
import type { Outages } from './outages.js';
import { ReconnectingConnection } from './reconnecting-connection.js';
import { type ReportOnce, UNPINGED } from './report-once.js';
import { type Subscribe, Subscriptions } from './subscriptions.js';

type MessageListener = (...args: unknown[]) => unknown;

export interface SubscriberOptions {
  /** In Redis' list of clients. */
  readonly connectionName: string;
  readonly dialer: Dialer;
  readonly report: Reporter<BackplaneReport>;
  readonly reportOnce: ReportOnce;
  readonly outages: Outages;
  readonly rejected: RejectedMessages;
  /** The prefix of the adapter's channels. The adapter's default is `socket.io`. */
  readonly key: string;
  /** Subscribed while the connection lives, even if the adapter unsubscribes. */
  readonly patterns: readonly string[];
  /** Probes arrive on channels of this prefix. The adapter does not receive them. */
  readonly probePrefix: string;
  readonly onProbe: (sender: string) => void;
  /** Runs for each message on a pattern, except probes. */
  readonly onBroadcast: (message: Buffer) => void;
  /** Runs when an outage ends. */
  readonly onRestored: () => void;
}

/**
 * Has the interface of a Redis client in subscriber mode for Socket.IO's adapter. Keeps the list of subscriptions and renews it
 * on each connection, checks messages before the adapter acts on them, catches errors of its handlers, and notices a
 * subscription that is connected and receives nothing. The Bus receives its messages here too, separately from the adapter.
 */
export class Subscriber {
  readonly #options: SubscriberOptions;
  readonly #connection: ReconnectingConnection;
  readonly #outage: OutageReporter;
  readonly #liveness: Liveness;
  /** Channels of the Bus: their messages go to the handler and not to the adapter. */
  readonly #channels = new Map<string, (message: Buffer) => void>();
  readonly #listeners = new Map<string, Set<MessageListener>>();
  readonly #subscriptions: Subscriptions;
  /** The connection whose messages are handled. Set before it is up, because messages arrive as soon as it is subscribed. */
  #current: RedisConnection | undefined;
  /** False during startup, when a refused essential subscription has to fail configure(). */
  #everUp = false;

  constructor(options: SubscriberOptions) {
    const { connectionName, dialer, report, reportOnce, outages } = options;
    const fence = new Fence(connectionName, reportOnce);
    this.#options = options;
    this.#subscriptions = new Subscriptions(report);
    this.#subscriptions.add('PSUBSCRIBE', options.patterns);
    this.#outage = outages.reporterOf('subscriber');
    this.#liveness = new Liveness((error) => reportOnce('PING', UNPINGED, error));
    this.#connection = new ReconnectingConnection({
      dial: (attempt) => dialer.dial(connectionName, attempt),
      explain: (client, error) => dialer.explain?.(client, error) ?? error,
      prepare: async (client) => {
        // Otherwise, other servers still count the predecessor as a subscriber that answers requests.
        await fence.killPredecessor(client);
        this.#listenTo(client);
        await this.#subscriptions.restore(client);
        this.#needEssentials();
      },
      onUp: (client) => this.#onConnected(client),
      onFailed: (error) => this.#outage.failing(error),
      onDown: (error) => {
        this.#current = undefined;
        this.#outage.begin(error);
      },
    });
  }

  get connected(): boolean {
    return this.#connection.client !== undefined;
  }

  get lastError(): unknown {
    return this.#connection.lastError;
  }

  /** Whether broadcasts of the namespace arrive. */
  hears(namespace: string): 'surely' | 'once restored' | 'not' {
    return this.#subscriptions.hears('PSUBSCRIBE', `${this.#options.key}#${namespace}#*`);
  }

  start(): void {
    this.#connection.start();
  }

  async stop(timeoutMs: number): Promise<void> {
    this.#listeners.clear();
    this.#current = undefined;
    await this.#connection.stop(timeoutMs);
  }

  replace(error: unknown): void {
    this.#connection.replace(error);
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
    const list = [channels].flat().filter((channel) => !this.#channels.has(channel));
    this.#subscriptions.delete('SUBSCRIBE', list);
    if (list.length > 0) this.#leave('UNSUBSCRIBE', (client) => client.unsubscribe(...list));
  }

  /** Subscribes to a channel of the Bus, until the backplane closes. */
  listen(channel: string, handler: (message: Buffer) => void): void {
    this.#channels.set(channel, handler);
    this.#add('SUBSCRIBE', [channel]);
  }

  /** Redis acknowledged a probe of this instance, so the probe must arrive soon. */
  onProbeSent(): void {
    this.#liveness.onProbeSent();
  }

  /** Once a second. Probes can arrive only while the publisher is healthy. */
  tick(publisherHealthy: boolean): void {
    const client = this.#connection.client;
    if (client === undefined) return;
    this.#liveness.ping(client);
    this.#replaceOnFailure(client, this.#subscriptions.tick(client));
    if (this.#liveness.isDead) {
      this.#connection.replace(new Error(SILENT));
      return;
    }
    // If the ACL refuses the pattern, another connection would receive no probe either.
    const isRefused = this.#options.patterns.some((pattern) => this.#isRefused('PSUBSCRIBE', pattern));
    if (!this.#liveness.checkDeaf(publisherHealthy && !isRefused)) return;
    this.#options.report({ type: 'backplane_subscription_replaced', silentMs: this.#liveness.deafMs });
    this.#connection.replace(new Error(`The subscription received nothing for ${this.#liveness.deafMs / 1_000} s.`));
  }

  #onConnected(client: RedisConnection): void {
    this.#liveness.restart(client);
    if (this.#outage.lasts) this.#options.onRestored();
    this.#outage.end({ dropped: 0, uncertain: 0 });
    this.#everUp = true;
    // Subscribes to what was added during the restoration.
    this.#replaceOnFailure(client, this.#subscriptions.complete(client));
  }

  #add(command: Subscribe, names: readonly string[]): void {
    this.#subscriptions.add(command, names);
    const client = this.#connection.client;
    if (client !== undefined) this.#replaceOnFailure(client, this.#subscriptions.complete(client));
  }

  /** Replaces the connection if `work` fails. */
  #replaceOnFailure(client: RedisConnection, work: Promise<void>): void {
    work.catch((error: unknown) => {
      // If the connection was lost meanwhile, its successor must not be replaced for this error.
      if (client === this.#connection.client) this.#connection.replace(error);
    });
  }

  #isRefused(command: Subscribe, name: string): boolean {
    return this.#subscriptions.refusal(command, name) !== undefined;
  }

  /** Throws if Redis refuses an essential subscription during startup. Later, the instance continues without it. */
  #needEssentials(): void {
    if (this.#everUp) return;
    const { patterns } = this.#options;
    const refusals = [
      ...patterns.map((name) => this.#subscriptions.refusal('PSUBSCRIBE', name)),
      ...[...this.#channels.keys()].map((name) => this.#subscriptions.refusal('SUBSCRIBE', name)),
    ].filter((refusal) => refusal !== undefined);
    if (refusals.length > 0) throw allOf(refusals);
  }

  #listenTo(client: RedisConnection): void {
    this.#current = client;
    client.on('pmessageBuffer', (pattern: string, channel: Buffer, message: Buffer) => {
      if (client === this.#current) this.#hearPattern(pattern, channel.toString(), message);
    });
    client.on('messageBuffer', (channel: Buffer, message: Buffer) => {
      if (client === this.#current) this.#hearChannel(channel.toString(), message);
    });
  }

  #leave(command: string, send: (client: RedisConnection) => Promise<unknown>): void {
    const client = this.#connection.client;
    if (client === undefined) return;
    send(client).catch((error: unknown) => {
      // If the connection was lost meanwhile, its successor does not subscribe to it.
      if (!isForbidden(error)) return;
      this.#options.reportOnce(
        command,
        'messages for namespaces that were closed still arrive here',
        explain(error, command),
      );
    });
  }

  #hearPattern(pattern: string, channel: string, message: Buffer): void {
    this.#liveness.onPatternMessage();
    const { probePrefix, onProbe, onBroadcast } = this.#options;
    // A probe is empty, which no message to a room is: a program may send to any room that a client has named.
    if (channel.startsWith(probePrefix) && message.length === 0) onProbe(channel.slice(probePrefix.length, -1));
    else {
      onBroadcast(message);
      this.#emit('broadcast', 'pmessageBuffer', [pattern, channel, message]);
    }
  }

  #hearChannel(channel: string, message: Buffer): void {
    this.#liveness.onMessage();
    const own = this.#channels.get(channel);
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
      this.#options.rejected.add(kind, error);
      return;
    }
    this.#emit(callsProgram ? 'program' : kind, 'messageBuffer', [channel, message]);
  }

  /** Each listener on its own: an error in one namespace does not stop another. */
  #emit(kind: string, event: string, args: unknown[]): void {
    for (const listener of [...(this.#listeners.get(event) ?? [])]) void this.#call(kind, listener, args);
  }

  async #call(kind: string, listener: MessageListener, args: unknown[]): Promise<void> {
    try {
      await listener(...args);
    } catch (error) {
      if (kind !== 'program') this.#options.rejected.add(kind, error);
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
