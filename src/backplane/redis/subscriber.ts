import type { Reporter } from '../../ports/reports.js';
import type { OutageReporter } from '../outage-reporter.js';
import { ReachTracker } from '../reach-tracker.js';
import type { RejectedMessages } from '../rejected-messages.js';
import type { BackplaneReport } from '../reports.js';
import { explain, RefusedError } from './acl.js';
import { AdapterListeners, type MessageListener } from './adapter-listeners.js';
import { type Dialer, isForbidden, type RedisConnection, SILENT } from './client.js';
import { Fence } from './fence.js';
import { HeldMessages, type MessageKind } from './held-messages.js';
import { Liveness } from './liveness.js';
import type { Outages } from './outages.js';
import { ReconnectingConnection } from './reconnecting-connection.js';
import { type ReportOnce, UNPINGED } from './report-once.js';
import { type Subscribe, Subscriptions } from './subscriptions.js';

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
  /**
   * Runs on each connection after it is subscribed, and before any message is delivered. After a rejection another connection is
   * tried. `outageMs`: how long no message arrived for certain; 0 at the start.
   */
  readonly catchUp: (outageMs: number) => Promise<void>;
  /** Runs when an outage ends. */
  readonly onRestored: () => void;
}

/**
 * Has the interface of a Redis client in subscriber mode for Socket.IO's adapter. Keeps the list of subscriptions and renews it
 * on each connection, checks messages before the adapter acts on them, catches errors of its handlers, and notices a
 * subscription that is connected and receives nothing. The Bus receives its messages here too, separately from the adapter.
 */
export class Subscriber {
  readonly reach = new ReachTracker();
  readonly #options: SubscriberOptions;
  readonly #connection: ReconnectingConnection;
  readonly #outage: OutageReporter;
  readonly #liveness: Liveness;
  /** Channels of the Bus: their messages go to the handler and not to the adapter. */
  readonly #channels = new Map<string, (message: Buffer) => void>();
  readonly #adapters: AdapterListeners;
  readonly #held = new HeldMessages();
  readonly #subscriptions: Subscriptions;
  /** The connection whose messages are handled. Set before it is up, because messages arrive as soon as it is subscribed. */
  #current: RedisConnection | undefined;
  /** False during startup, when a refused essential subscription has to fail configure(). */
  #everUp = false;

  constructor(options: SubscriberOptions) {
    const { connectionName, dialer, report, reportOnce, outages } = options;
    const fence = new Fence(connectionName, reportOnce);
    this.#options = options;
    this.#adapters = new AdapterListeners(options);
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
        this.#held.begin();
        this.#listenTo(client);
        await this.#subscriptions.restore(client);
        this.#needEssentials();
      },
      catchUp: async () => {
        await options.catchUp(this.reach.awayMs);
        this.#held.ensureComplete();
      },
      onUp: (client) => this.#onConnected(client),
      onFailed: (error) => this.#outage.failing(error),
      onDown: (error) => {
        this.#current = undefined;
        this.reach.lost(this.#liveness.heard);
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
    this.#adapters.clear();
    this.#current = undefined;
    this.reach.close();
    await this.#connection.stop(timeoutMs);
  }

  replace(error: unknown): void {
    this.#connection.replace(error);
  }

  on(event: string, listener: MessageListener): this {
    this.#adapters.add(event, listener);
    return this;
  }

  off(event: string, listener: MessageListener): this {
    this.#adapters.delete(event, listener);
    return this;
  }

  listenerCount(event: string): number {
    return this.#adapters.count(event);
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

  /** A probe is sent. Call the result once Redis has acknowledged it. */
  beginProbe(): () => void {
    return this.#liveness.beginProbe();
  }

  /** Once a second. Probes can arrive only while the publisher is healthy. */
  tick(publisherHealthy: boolean): void {
    const client = this.#connection.client;
    if (client === undefined) return;
    this.#liveness.ping(client);
    if (this.#liveness.isSilent) this.reach.lost(this.#liveness.heard);
    else this.reach.back();
    this.#replaceOnFailure(client, this.#retryRefused(client));
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
    this.reach.back();
    if (this.#outage.lasts) this.#options.onRestored();
    this.#outage.end({ dropped: 0, uncertain: 0 });
    this.#everUp = true;
    // Subscribes to what was added during the restoration.
    this.#replaceOnFailure(client, this.#subscriptions.complete(client));
    this.#held.release();
  }

  /** Redis may have refused a channel of the Bus for some time, and its messages were missed. */
  async #retryRefused(client: RedisConnection): Promise<void> {
    const granted = await this.#subscriptions.tick(client);
    const missed = granted.filter(({ name }) => this.#channels.has(name));
    if (missed.length === 0) return;
    await this.#options.catchUp(performance.now() - Math.min(...missed.map(({ since }) => since)));
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
    if (channel.startsWith(probePrefix) && message.length === 0) {
      onProbe(channel.slice(probePrefix.length, -1));
      return;
    }
    this.#deliver('other', message, () => {
      onBroadcast(message);
      this.#adapters.emit('broadcast', 'pmessageBuffer', [pattern, channel, message]);
    });
  }

  #hearChannel(channel: string, message: Buffer): void {
    this.#liveness.onMessage();
    const own = this.#channels.get(channel);
    if (own === undefined) this.#deliver('other', message, () => this.#adapters.hearChannel(channel, message));
    else this.#deliver('bus', message, () => own(message));
  }

  /** Delivers the message now, or once this instance has caught up. */
  #deliver(kind: MessageKind, message: Buffer, deliver: () => void): void {
    if (this.#held.isHolding) this.#held.add(kind, message.length, deliver);
    else deliver();
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
