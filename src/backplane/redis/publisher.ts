import type { Reporter } from '../../ports/reports.js';
import { OutageReporter } from '../outage-reporter.js';
import type { LinkReport } from '../reports.js';
import { call, explain } from './acl.js';
import { type Dialer, isForbidden, isReply, isReplyOf, type RedisConnection, type RedisMessageBody } from './client.js';
import { Fence, type Limited } from './fence.js';
import { Link } from './link.js';
import { MessageQueue } from './queue.js';
import { UNPINGED } from './report-once.js';

export interface PublisherOptions {
  /** In reports. */
  readonly name: string;
  /** In Redis' list of clients. */
  readonly connectionName: string;
  readonly dialer: Dialer;
  readonly report: Reporter<LinkReport>;
  readonly limited: Limited;
  /** Runs before a message is written to a connection. */
  readonly onWrite?: ((channel: string, message: RedisMessageBody) => void) | undefined;
  /** Runs on each connection once its predecessor is fenced, before the first message. */
  readonly greet?: ((client: RedisConnection) => Promise<void>) | undefined;
}

/** Ticks without any answer, after which messages wait here instead of in a connection that may be dead. */
const STALLED_AFTER = 2;
/** Ticks without any answer, after which the connection is replaced. */
const DEAD_AFTER = 10;
/**
 * After an outage, how long a connection that is up again says nothing, in ms: the subscribers of other instances were
 * away too, and come back at moments of their own. What is said before that they never hear.
 */
const GRACE_MS = 300;
/** Idle ticks between two pings. */
const PING_TICKS = 3;

/**
 * Looks to Socket.IO's adapter and emitter like a client of Redis, and keeps what such a client doesn't promise: it
 * never throws or rejects over a message, never sends one twice, keeps their order, and holds a bounded number of them.
 * Time is counted in ticks, since a program that held its event loop has not been waiting for Redis.
 */
export class Publisher {
  /** What the adapter tells clients apart by. */
  readonly isCluster = false;
  readonly #options: PublisherOptions;
  readonly #link: Link;
  readonly #outage: OutageReporter;
  readonly #queue = new MessageQueue();
  /** Counts connections: answers of an earlier one are void. */
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
    const { name, connectionName, dialer, report, limited } = options;
    const fence = new Fence(connectionName, limited);
    this.#options = options;
    this.#outage = new OutageReporter(name, report);
    this.#link = new Link({
      dial: (attempt) => dialer.dial(connectionName, attempt),
      explain: (client, error) => dialer.explain?.(client, error) ?? error,
      greet: async (client) => {
        await fence.pass(client);
        await options.greet?.(client);
      },
      onUp: () => this.#rise(),
      onFailed: (error) => this.#outage.failing(error),
      onDown: (error) => this.#fall(error),
    });
  }

  /** Whether Redis takes and answers what is sent now. */
  get healthy(): boolean {
    return this.#link.client !== undefined && !this.#stalled;
  }

  get connected(): boolean {
    return this.#link.client !== undefined;
  }

  get lastError(): unknown {
    return this.#link.lastError;
  }

  start(): void {
    this.#link.start();
  }

  async stop(timeoutMs: number): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#grace);
    await this.#link.stop(timeoutMs);
    const { messages, dropped } = this.#queue.drain();
    const missed = {
      dropped: this.#dropped + messages.length + dropped,
      uncertain: this.#uncertain + this.#messagesUnanswered,
    };
    const { name: connection, report } = this.#options;
    if (missed.dropped + missed.uncertain > 0)
      report({ type: 'backplane_messages_undelivered', connection, ...missed });
  }

  /** Sends it, or keeps it until Redis is back. Never throws. */
  publish(channel: string, message: RedisMessageBody): void {
    if (this.#stopped) return;
    const client = this.#link.client;
    const open = this.healthy && this.#grace === undefined && client?.stream?.writable !== false;
    if (client !== undefined && open) this.#write(client, channel, message);
    else this.#dropped += this.#queue.push(channel, message);
  }

  /** Any command, at once or not at all. Rejects when Redis is away or refuses. */
  async command(name: string, ...args: (string | number)[]): Promise<unknown> {
    const client = this.#link.client;
    if (client === undefined || !this.healthy) throw new Error('Redis is away.');
    return this.#watch(call(client, name, ...args));
  }

  /** As Socket.IO's adapter asks how many instances there are. */
  send_command(name: string, args: string[], callback: (error: unknown, reply?: unknown) => void): void {
    const channel = args[1] ?? '';
    const count = this.#options.dialer.countSubscribers;
    const reply = count === undefined ? this.command(name, ...args) : count(channel).then((sum) => [channel, sum]);
    reply.then(
      (value) => callback(null, value),
      (error) => callback(error),
    );
  }

  /** There are no events: the adapter listens to errors only, and those are reported. */
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
    if (this.#link.client === undefined) return;
    if (this.#unanswered === 0) {
      this.#keepAsking(this.#link.client);
      return;
    }
    this.#silentTicks += 1;
    const silence = () => new Error('Redis does not answer.');
    if (this.#silentTicks >= STALLED_AFTER) {
      this.#stalled = true;
      this.#outage.begin(silence());
    }
    if (this.#silentTicks >= DEAD_AFTER) this.#link.replace(silence());
  }

  /** Makes another connection, though nothing is known against this one. */
  replace(error: unknown): void {
    this.#link.replace(error);
  }

  /** A connection that is dead is better found before there is something to say. */
  #keepAsking(client: RedisConnection): void {
    this.#idleTicks += 1;
    if (this.#idleTicks % PING_TICKS !== 0) return;
    this.#watch(call(client, 'ping')).catch((error: unknown) => {
      if (isForbidden(error)) this.#options.limited('PING', UNPINGED, error);
    });
  }

  #rise(): void {
    this.#silentTicks = 0;
    if (!this.#outage.lasts) return;
    this.#grace = setTimeout(() => {
      this.#grace = undefined;
      if (!this.#stalled) this.#flush();
    }, GRACE_MS);
    this.#grace.unref();
  }

  #fall(error: unknown): void {
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
    this.#watch(client.publish(channel, message)).then(
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

  /** Keeps count of what Redis owes an answer to. */
  #watch<T>(reply: Promise<T>): Promise<T> {
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
    this.#options.limited('PUBLISH', 'other instances do not get what is sent here', error);
    if (isReplyOf(error, 'NOAUTH', 'WRONGPASS')) this.#link.replace(error);
  }
}
