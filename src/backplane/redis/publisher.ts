import type { Reporter } from '../../ports/reports.js';
import type { OutageReporter } from '../outage-reporter.js';
import type { ConnectionReport } from '../reports.js';
import { call, explain } from './acl.js';
import {
  type Dialer,
  isForbidden,
  isReply,
  isReplyOf,
  type RedisConnection,
  type RedisMessageBody,
  SILENT,
} from './client.js';
import { Fence } from './fence.js';
import type { Outages } from './outages.js';
import { MessageQueue } from './queue.js';
import { ReconnectingConnection } from './reconnecting-connection.js';
import { type ReportOnce, UNPINGED } from './report-once.js';

export interface PublisherOptions {
  /** In reports. */
  readonly name: string;
  /** In Redis' list of clients. */
  readonly connectionName: string;
  readonly dialer: Dialer;
  readonly report: Reporter<ConnectionReport>;
  readonly reportOnce: ReportOnce;
  readonly outages: Outages;
  /** Runs before a message is written to a connection. */
  readonly onWrite?: ((channel: string, message: RedisMessageBody) => void) | undefined;
  /** Runs on each connection once its predecessor is fenced, before the first message. */
  readonly prepare?: ((client: RedisConnection) => Promise<void>) | undefined;
}

/** After this many ticks without an answer, messages go to the queue and not to a connection that may be dead. */
const STALLED_AFTER = 2;
/** After this many ticks without an answer, the connection is replaced. */
const DEAD_AFTER = 10;
/**
 * After an outage, a restored connection sends nothing for this time, in ms. The subscribers of other instances were unreachable too and
 * reconnect at different times. Messages that are sent before that never reach them.
 */
const GRACE_MS = 300;
/** Idle ticks between two pings. */
const PING_TICKS = 3;

/**
 * Has the interface of a Redis client for Socket.IO's adapter and emitter, and guarantees more: it never throws or rejects
 * because of a message, never sends one twice, keeps their order, and queues a bounded number of them.
 * Time is counted in ticks: while the program blocks its event loop, Redis can't be blamed.
 */
export class Publisher {
  /** The adapter reads it, because it treats a cluster differently. */
  readonly isCluster = false;
  readonly #options: PublisherOptions;
  readonly #connection: ReconnectingConnection;
  readonly #outage: OutageReporter;
  readonly #queue = new MessageQueue();
  /** Counts connections: answers of an earlier one are ignored. */
  #generation = 0;
  #unanswered = 0;
  #messagesUnanswered = 0;
  #silentTicks = 0;
  #idleTicks = 0;
  #dropped = 0;
  #uncertain = 0;
  #stalled = false;
  #grace: NodeJS.Timeout | undefined;
  #stopped = false;

  constructor(options: PublisherOptions) {
    const { name, connectionName, dialer, reportOnce, outages } = options;
    const fence = new Fence(connectionName, reportOnce);
    this.#options = options;
    this.#outage = outages.reporterOf(name);
    this.#connection = new ReconnectingConnection({
      dial: (attempt) => dialer.dial(connectionName, attempt),
      explain: (client, error) => dialer.explain?.(client, error) ?? error,
      prepare: async (client) => {
        await fence.killPredecessor(client);
        await options.prepare?.(client);
      },
      onUp: () => this.#onConnected(),
      onFailed: (error) => this.#outage.failing(error),
      onDown: (error) => this.#onDisconnected(error),
    });
  }

  /** Whether the connection is up and answers. */
  get healthy(): boolean {
    return this.#connection.client !== undefined && !this.#stalled;
  }

  get connected(): boolean {
    return this.#connection.client !== undefined;
  }

  /** Counts the connections that were lost. */
  get generation(): number {
    return this.#generation;
  }

  get lastError(): unknown {
    return this.#connection.lastError;
  }

  start(): void {
    this.#connection.start();
  }

  async stop(timeoutMs: number): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#grace);
    await this.#connection.stop(timeoutMs);
    const { messages, dropped } = this.#queue.drain();
    const missed = {
      dropped: this.#dropped + messages.length + dropped,
      uncertain: this.#uncertain + this.#messagesUnanswered,
    };
    const { name: connection, report } = this.#options;
    if (missed.dropped + missed.uncertain > 0)
      report({ type: 'backplane_messages_undelivered', connection, ...missed });
  }

  /** Sends the message, or queues it until Redis is back. Never throws. */
  publish(channel: string, message: RedisMessageBody): void {
    if (this.#stopped) return;
    const client = this.#connection.client;
    const open = this.healthy && this.#grace === undefined && client?.stream?.writable !== false;
    if (client !== undefined && open) this.#write(client, channel, message);
    else this.#dropped += this.#queue.push(channel, message);
  }

  /** Sends any command immediately. Rejects while Redis is unreachable, and if Redis refuses it. */
  async command(name: string, ...args: (string | number)[]): Promise<unknown> {
    const client = this.#connection.client;
    if (client === undefined || !this.healthy) throw new Error('Redis is unreachable.');
    return this.#track(call(client, name, ...args));
  }

  /** Socket.IO's adapter counts the instances by this method. */
  send_command(name: string, args: string[], callback: (error: unknown, reply?: unknown) => void): void {
    const channel = args[1] ?? '';
    const count = this.#options.dialer.countSubscribers;
    const reply = count === undefined ? this.command(name, ...args) : count(channel).then((sum) => [channel, sum]);
    reply.then(
      (value) => callback(null, value),
      (error) => callback(error),
    );
  }

  /** Does nothing: the adapter listens to errors only, and those are reported instead. */
  on(): this {
    return this;
  }

  off(): this {
    return this;
  }

  listenerCount(): number {
    return 0;
  }

  /** Once a second. */
  tick(): void {
    if (this.#connection.client === undefined) return;
    if (this.#unanswered === 0) {
      this.#keepAsking(this.#connection.client);
      return;
    }
    this.#silentTicks += 1;
    const silence = () => new Error(SILENT);
    if (this.#silentTicks >= STALLED_AFTER) {
      this.#stalled = true;
      this.#outage.begin(silence());
    }
    if (this.#silentTicks >= DEAD_AFTER) this.#connection.replace(silence());
  }

  /** Makes another connection, although this one works. */
  replace(error: unknown): void {
    this.#connection.replace(error);
  }

  /** Pings an idle connection, to find a dead one before there is a message to send. */
  #keepAsking(client: RedisConnection): void {
    this.#idleTicks += 1;
    if (this.#idleTicks % PING_TICKS !== 0) return;
    this.#track(call(client, 'ping')).catch((error: unknown) => {
      if (isForbidden(error)) this.#options.reportOnce('PING', UNPINGED, error);
    });
  }

  #onConnected(): void {
    this.#silentTicks = 0;
    if (!this.#outage.lasts) return;
    this.#grace = setTimeout(() => {
      this.#grace = undefined;
      if (!this.#stalled) this.#flush();
    }, GRACE_MS);
    this.#grace.unref();
  }

  #onDisconnected(error: unknown): void {
    clearTimeout(this.#grace);
    this.#grace = undefined;
    this.#generation += 1;
    this.#uncertain += this.#messagesUnanswered;
    this.#messagesUnanswered = 0;
    this.#unanswered = 0;
    this.#stalled = false;
    this.#outage.begin(error);
  }

  #flush(): void {
    const { messages, dropped } = this.#queue.drain();
    const missed = { dropped: this.#dropped + dropped, uncertain: this.#uncertain };
    this.#dropped = 0;
    this.#uncertain = 0;
    this.#outage.end(missed);
    for (const { channel, message } of messages) this.publish(channel, message);
  }

  #write(client: RedisConnection, channel: string, message: RedisMessageBody): void {
    const generation = this.#generation;
    this.#messagesUnanswered += 1;
    this.#options.onWrite?.(channel, message);
    this.#track(client.publish(channel, message)).then(
      () => {
        if (generation === this.#generation) this.#messagesUnanswered -= 1;
      },
      (error: unknown) => {
        if (generation !== this.#generation) return;
        this.#messagesUnanswered -= 1;
        this.#refused(explain(error, 'PUBLISH', channel));
      },
    );
  }

  /** Counts the command as unanswered until Redis answers. */
  #track<T>(reply: Promise<T>): Promise<T> {
    const generation = this.#generation;
    this.#unanswered += 1;
    const answered = () => {
      if (generation !== this.#generation) return;
      this.#unanswered -= 1;
      this.#silentTicks = 0;
      if (!this.#stalled) return;
      this.#stalled = false;
      if (this.#grace === undefined) this.#flush();
    };
    reply.then(answered, answered);
    return reply;
  }

  #refused(error: unknown): void {
    if (!isReply(error)) {
      this.#uncertain += 1;
      return;
    }
    this.#dropped += 1;
    this.#options.reportOnce('PUBLISH', 'other instances do not get what is sent here', error);
    if (isReplyOf(error, 'NOAUTH', 'WRONGPASS')) this.#connection.replace(error);
  }
}
