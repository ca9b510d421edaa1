import { RejectedMessageError } from '../../common/instance-messages.js';
import type { InstanceMessage } from '../../ports/backplane/bus.js';
import type { Reporter } from '../../ports/reports.js';
import type { BackplaneReport } from '../reports.js';
import { namespaceOf } from './acl.js';

export interface MissedBroadcastsOptions {
  readonly report: Reporter<BackplaneReport>;
  /** The number of other instances that are known to be alive. */
  readonly instances: () => number;
  /** Whether the broadcasts of a namespace arrive here. */
  readonly hears: (namespace: string) => 'surely' | 'once restored' | 'not';
}

interface Sent {
  readonly namespace: string;
  count: number;
}

/** One adapter of another instance, which serves one namespace there. */
interface Sender {
  /** Broadcasts that did not arrive here: those that were reported, and those from before this instance subscribed. */
  missing: number;
  /** A larger difference, seen once. It counts if the next announcement confirms it. */
  suspected: number | undefined;
  seen: number;
}

/** Ticks between two announcements of the counts. */
export const ANNOUNCE_TICKS = 5;
/** The number of announcements after an outage until the result is reported: a loss takes two to be confirmed. */
const ANNOUNCEMENTS = 3;
/** After this many ticks without an announcement an instance counts as gone. */
const GONE_AFTER = 12 * ANNOUNCE_TICKS;
const MOST_SENDERS = 10_000;

/** A broadcast in MessagePack: an array of three. Its first entry is a string of six bytes, the id of the adapter. */
const HEAD = [0x93, 0xa6] as const;
const ID_BYTES = 6;

/**
 * Counts the broadcasts of other instances that were lost on the way to this one. Each instance counts its own broadcasts by adapter,
 * and announces the counts on the same connection. Messages of one connection arrive in order. So an instance that receives a count
 * has received every broadcast before it, except the lost ones.
 */
export class MissedBroadcasts {
  readonly #options: MissedBroadcastsOptions;
  readonly #sent = new Map<string, Sent>();
  readonly #received = new Map<string, number>();
  readonly #senders = new Map<string, Sender>();
  /** When each instance announced its counts last, and of which adapters. */
  readonly #announcers = new Map<string, { readonly seen: number; readonly adapters: ReadonlySet<string> }>();
  #ticks = 0;
  #lost = 0;
  /** Ticks until the result of an outage is reported. */
  #due: number | undefined;

  constructor(options: MissedBroadcastsOptions) {
    this.#options = options;
  }

  /** This instance writes a message to Redis. */
  countSent(channel: string, message: string | Buffer): void {
    const adapter = adapterOf(message);
    if (adapter === undefined) return;
    const sent = this.#sent.get(adapter);
    if (sent !== undefined) sent.count += 1;
    else this.#sent.set(adapter, { namespace: namespaceOf(channel) ?? '', count: 1 });
  }

  /** A broadcast arrived. */
  countReceived(message: Buffer): void {
    const adapter = adapterOf(message);
    if (adapter === undefined) return;
    const count = this.#received.get(adapter);
    if (count !== undefined) this.#received.set(adapter, count + 1);
    else if (this.#received.size < MOST_SENDERS) this.#received.set(adapter, 1);
  }

  /** The counts of this instance, for the others. */
  announcement(): InstanceMessage {
    const sent = [...this.#sent].map(([adapter, { namespace, count }]) => [adapter, namespace, count]);
    return { sent };
  }

  /** The subscriber is up again after an outage. */
  restored(): void {
    this.#due = ANNOUNCEMENTS * ANNOUNCE_TICKS;
  }

  /** Another instance announces its counts. @throws RejectedMessageError */
  compare(message: InstanceMessage, from: string): void {
    const sent = countsIn(message);
    const before = this.#announcers.get(from)?.adapters;
    if (before === undefined && this.#announcers.size >= MOST_SENDERS) return;
    this.#announcers.set(from, { seen: this.#ticks, adapters: new Set(sent.map(([adapter]) => adapter)) });
    for (const [adapter, namespace, count] of sent) {
      // An adapter that the last announcement did not name had sent nothing until then.
      const isNew = before !== undefined && !before.has(adapter);
      this.#compareOne(adapter, namespace, count, isNew);
    }
  }

  /** Once a second. */
  tick(): void {
    this.#ticks += 1;
    for (const [from, { seen }] of this.#announcers) if (this.#ticks - seen > GONE_AFTER) this.#announcers.delete(from);
    for (const [adapter, { seen }] of this.#senders) {
      if (this.#ticks - seen <= GONE_AFTER) continue;
      this.#senders.delete(adapter);
      this.#received.delete(adapter);
    }
    if (this.#due !== undefined) {
      this.#due -= 1;
      if (this.#due > 0) return;
    } else if (this.#lost === 0) return;
    this.#tell();
  }

  #compareOne(adapter: string, namespace: string, count: number, isNew: boolean): void {
    const hears = this.#options.hears(namespace);
    if (hears === 'not') {
      this.#senders.delete(adapter);
      return;
    }
    const missing = count - (this.#received.get(adapter) ?? 0);
    const sender = this.#senders.get(adapter);
    if (sender === undefined) {
      // Messages from before this instance listened are not missed.
      if (hears !== 'surely' || this.#senders.size >= MOST_SENDERS) return;
      const suspected = isNew && missing > 0 ? missing : undefined;
      this.#senders.set(adapter, { missing: isNew ? 0 : missing, suspected, seen: this.#ticks });
      return;
    }
    sender.seen = this.#ticks;
    sender.missing = Math.min(sender.missing, missing);
    const before = sender.suspected;
    sender.suspected = missing > sender.missing ? missing : undefined;
    // In a cluster a message may take another route, and arrive after the count.
    const sure = Math.min(before ?? 0, missing);
    if (before === undefined || sure <= sender.missing) return;
    this.#lost += sure - sender.missing;
    sender.missing = sure;
    sender.suspected = missing > sure ? missing : undefined;
  }

  #tell(): void {
    const uncountedInstances = Math.max(0, this.#options.instances() - this.#announcers.size);
    this.#options.report({ type: 'backplane_messages_missed', atLeast: this.#lost, uncountedInstances });
    this.#lost = 0;
    this.#due = undefined;
  }
}

/** The adapter that sent a broadcast; undefined for an emitter, which announces no counts. */
function adapterOf(message: string | Buffer): string | undefined {
  if (typeof message === 'string' || message[0] !== HEAD[0] || message[1] !== HEAD[1]) return undefined;
  return message.toString('latin1', HEAD.length, HEAD.length + ID_BYTES);
}

type Count = readonly [adapter: string, namespace: string, count: number];

function countsIn({ sent }: InstanceMessage): readonly Count[] {
  if (!Array.isArray(sent) || sent.length > MOST_SENDERS)
    throw new RejectedMessageError('an announcement without counts');
  const entries: readonly unknown[] = sent;
  if (!entries.every(isCount)) throw new RejectedMessageError('an announcement with invalid counts');
  return entries;
}

function isCount(entry: unknown): entry is Count {
  if (!Array.isArray(entry)) return false;
  const [adapter, namespace, count]: readonly unknown[] = entry;
  const isAdapter = typeof adapter === 'string' && adapter.length === ID_BYTES;
  return isAdapter && typeof namespace === 'string' && Number.isSafeInteger(count) && Number(count) >= 0;
}
