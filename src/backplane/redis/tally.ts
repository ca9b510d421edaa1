import type { Reporter } from '../../ports/reports.js';
import { isName } from '../open-questions.js';
import { RejectedMessageError } from '../rejected-messages.js';
import type { BackplaneReport } from '../reports.js';
import { namespaceOf } from './acl.js';

export interface TallyOptions {
  /** The id of this instance. */
  readonly id: string;
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
  /** Broadcasts that did not arrive here and were reported, or were sent before this instance listened. */
  missing: number;
  /** A larger difference, seen once. It counts if the next telling confirms it. */
  suspected: number | undefined;
  seen: number;
}

/** Ticks between two tellings of the counts. */
export const TALLY_TICKS = 5;
/** After an outage, the result is reported after so many tellings: a loss takes two to be confirmed. */
const TELLINGS = 3;
/** An instance that has not told its counts for so many ticks is gone. */
const GONE_AFTER = 12 * TALLY_TICKS;
const MOST_SENDERS = 10_000;

/** A broadcast in MessagePack: a list of three, whose first entry is a text of six bytes, the id of the adapter. */
const HEAD = [0x93, 0xa6] as const;
const ID_BYTES = 6;

/**
 * Counts the broadcasts of other instances that did not arrive here. Each instance counts what it publishes, by adapter, and
 * tells the counts on the connection that publishes. Messages of one connection arrive in order. So an instance that hears a
 * count has heard everything that it counts, except what was lost.
 */
export class Tally {
  readonly #options: TallyOptions;
  readonly #sent = new Map<string, Sent>();
  readonly #heard = new Map<string, number>();
  readonly #senders = new Map<string, Sender>();
  /** When each instance has told last, and of which adapters. */
  readonly #tellers = new Map<string, { readonly seen: number; readonly adapters: ReadonlySet<string> }>();
  #ticks = 0;
  #lost = 0;
  /** Ticks until the result of an outage is reported. */
  #due: number | undefined;

  constructor(options: TallyOptions) {
    this.#options = options;
  }

  /** This instance writes a message to Redis. */
  sent(channel: string, message: string | Buffer): void {
    const adapter = adapterOf(message);
    if (adapter === undefined) return;
    const sent = this.#sent.get(adapter);
    if (sent !== undefined) sent.count += 1;
    else this.#sent.set(adapter, { namespace: namespaceOf(channel) ?? '', count: 1 });
  }

  /** A broadcast arrived. */
  heard(message: Buffer): void {
    const adapter = adapterOf(message);
    if (adapter === undefined) return;
    const count = this.#heard.get(adapter);
    if (count !== undefined) this.#heard.set(adapter, count + 1);
    else if (this.#heard.size < MOST_SENDERS) this.#heard.set(adapter, 1);
  }

  /** The message with this instance's counts. */
  telling(): string {
    const sent = [...this.#sent].map(([adapter, { namespace, count }]) => [adapter, namespace, count]);
    return JSON.stringify({ from: this.#options.id, sent });
  }

  /** The subscriber is up again after an outage. */
  restored(): void {
    this.#due = TELLINGS * TALLY_TICKS;
  }

  /** Another instance tells its counts. @throws RejectedMessageError */
  hear(message: Buffer): void {
    const { from, sent } = parse(message);
    if (from === this.#options.id) return;
    const before = this.#tellers.get(from)?.adapters;
    if (before === undefined && this.#tellers.size >= MOST_SENDERS) return;
    this.#tellers.set(from, { seen: this.#ticks, adapters: new Set(sent.map(([adapter]) => adapter)) });
    for (const [adapter, namespace, count] of sent) {
      // An adapter that the last telling did not name had sent nothing until then.
      const isNew = before !== undefined && !before.has(adapter);
      this.#compare(adapter, namespace, count, isNew);
    }
  }

  /** Once a second. */
  tick(): void {
    this.#ticks += 1;
    for (const [from, { seen }] of this.#tellers) if (this.#ticks - seen > GONE_AFTER) this.#tellers.delete(from);
    for (const [adapter, { seen }] of this.#senders) {
      if (this.#ticks - seen <= GONE_AFTER) continue;
      this.#senders.delete(adapter);
      this.#heard.delete(adapter);
    }
    if (this.#due !== undefined) {
      this.#due -= 1;
      if (this.#due > 0) return;
    } else if (this.#lost === 0) return;
    this.#tell();
  }

  #compare(adapter: string, namespace: string, count: number, isNew: boolean): void {
    const hears = this.#options.hears(namespace);
    if (hears === 'not') {
      this.#senders.delete(adapter);
      return;
    }
    const missing = count - (this.#heard.get(adapter) ?? 0);
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
    // A message may take another way through a cluster, and arrive after the count.
    const sure = Math.min(before ?? 0, missing);
    if (before === undefined || sure <= sender.missing) return;
    this.#lost += sure - sender.missing;
    sender.missing = sure;
    sender.suspected = missing > sure ? missing : undefined;
  }

  #tell(): void {
    const uncountedInstances = Math.max(0, this.#options.instances() - this.#tellers.size);
    this.#options.report({ type: 'backplane_messages_missed', atLeast: this.#lost, uncountedInstances });
    this.#lost = 0;
    this.#due = undefined;
  }
}

/** The adapter that sent a broadcast; undefined for an emitter, which tells no counts. */
function adapterOf(message: string | Buffer): string | undefined {
  if (typeof message === 'string' || message[0] !== HEAD[0] || message[1] !== HEAD[1]) return undefined;
  return message.toString('latin1', HEAD.length, HEAD.length + ID_BYTES);
}

type TallyEntry = readonly [adapter: string, namespace: string, count: number];

function parse(message: Buffer): { from: string; sent: readonly TallyEntry[] } {
  let value: unknown;
  try {
    value = JSON.parse(message.toString());
  } catch (cause) {
    throw new RejectedMessageError('no JSON', { cause });
  }
  const { from, sent } = (value ?? {}) as { from?: unknown; sent?: unknown };
  if (!isName(from) || !Array.isArray(sent) || sent.length > MOST_SENDERS) throw new RejectedMessageError('no counts');
  if (!sent.every(isEntry)) throw new RejectedMessageError('odd counts');
  return { from, sent };
}

function isEntry(entry: unknown): entry is TallyEntry {
  if (!Array.isArray(entry)) return false;
  const [adapter, namespace, count] = entry as unknown[];
  const isAdapter = typeof adapter === 'string' && adapter.length === ID_BYTES;
  return isAdapter && typeof namespace === 'string' && Number.isSafeInteger(count) && Number(count) >= 0;
}
