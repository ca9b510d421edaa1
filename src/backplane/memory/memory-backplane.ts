import type { Bus } from '../../ports/backplane/bus.js';
import type { Instances } from '../../ports/backplane/instances.js';
import type { Ledger } from '../../ports/backplane/ledger.js';
import type { Reach } from '../../ports/backplane/reach.js';
import type { SharedRate, SharedRateOptions } from '../../ports/backplane/shared-rate.js';
import type { AdapterFactory, Backplane } from '../../ports/backplane.js';
import type { Reporter } from '../../ports/reports.js';
import { RoomgateError } from '../../protocol/errors.js';
import { InstanceBus } from '../instance-bus.js';
import { OutageReporter } from '../outage-reporter.js';
import { ReachTracker, thisMoment } from '../reach-tracker.js';
import type { BackplaneReport } from '../reports.js';
import { type Carrier, Topics } from '../topics.js';
import { MemoryInstances } from './memory-instances.js';
import { MemoryLedger } from './memory-ledger.js';
import { type MemoryMember, MemoryNetwork } from './memory-network.js';

export interface MemoryBackplaneOptions {
  /** The network that instances of this process share. Without it the instance is alone. */
  readonly network?: MemoryNetwork | undefined;
  /** Names the instance on the network. */
  readonly identifier?: string | undefined;
  readonly report: Reporter<BackplaneReport>;
}

/** The name of the one connection in reports. */
const CONNECTION = 'bus';
/** In ms. After this time a failed listener of the ledger is called again. */
const RETRY_MS = 50;

/**
 * Instances of one process act as one through a network in memory. Without a given network an instance makes its own, and uses
 * Socket.IO's own adapter.
 */
export function createMemoryBackplane(options: MemoryBackplaneOptions): Backplane {
  return new MemoryBackplane(options);
}

class MemoryBackplane implements Backplane {
  readonly bus: Bus;
  readonly instances: Instances;
  readonly ledger: Ledger;
  readonly reach: Reach;
  readonly #ledger: MemoryLedger;
  readonly #reach = new ReachTracker();
  readonly #outage: OutageReporter;
  readonly #bus: InstanceBus;
  readonly #instances: MemoryInstances;
  readonly #member: MemoryMember;
  readonly #isAlone: boolean;
  readonly #report: Reporter<BackplaneReport>;
  #state: 'new' | 'open' | 'closed' = 'new';
  #adapterFactory: AdapterFactory | undefined;
  /** Counts outages: the end of an earlier one is ignored. */
  #outages = 0;

  constructor({ network, identifier = 'instance', report }: MemoryBackplaneOptions) {
    this.#outage = new OutageReporter(CONNECTION, report);
    const member = (network ?? new MemoryNetwork()).createMember(identifier, {
      cut: () => this.#onCut(),
      healed: (dropped) => void this.#onHealed(dropped),
      changed: (change, id) => this.#instances.changed(change, id),
    });
    // The instances of one process send valid messages to each other, unless Roomgate has a defect.
    const onRejected = (channel: string, error: unknown) =>
      report({ type: 'backplane_messages_rejected', channel, reason: String(error), count: 1 });
    const topics = new Topics({ id: member.id, carrier: carrierOf(member), onRejected });
    this.#instances = new MemoryInstances(member, topics);
    this.#bus = new InstanceBus(topics, this.#instances);
    this.#ledger = new MemoryLedger(member);
    this.bus = this.#bus;
    this.instances = this.#instances;
    this.ledger = this.#ledger;
    this.reach = this.#reach;
    this.#member = member;
    this.#isAlone = network === undefined;
    this.#report = report;
  }

  async open(timeoutMs: number): Promise<void> {
    if (this.#state === 'open') throw new RoomgateError('invalid_argument', 'The backplane is open already.');
    this.#refuseIfClosed();
    this.#state = 'open';
    if (!this.#isAlone) this.#adapterFactory = await this.#loadAdapter();
    this.#refuseIfClosed();
    this.#member.hold();
    this.#member.join();
    try {
      await this.#catchUp(() => this.#state === 'closed', performance.now() + timeoutMs);
    } catch (error) {
      await this.close();
      throw error;
    }
    this.#refuseIfClosed();
    this.#member.release();
  }

  async createRate(options: SharedRateOptions): Promise<SharedRate> {
    const { MemoryRate } = await import('./memory-rate.js');
    return new MemoryRate(this.#member, options);
  }

  adapterFactory(): AdapterFactory | undefined {
    if (this.#state !== 'open') throw new RoomgateError('not_configured', 'The backplane is not open.');
    return this.#adapterFactory;
  }

  emitter(): undefined {
    return undefined;
  }

  async close(): Promise<void> {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#outages += 1;
    this.#reach.close();
    this.#bus.end();
    await this.#instances.leave();
    const dropped = this.#member.leave();
    if (dropped > 0)
      this.#report({ type: 'backplane_messages_undelivered', connection: CONNECTION, dropped, uncertain: 0 });
  }

  #onCut(): void {
    this.#outages += 1;
    this.#reach.lost(thisMoment());
    this.#outage.begin(new Error('The instance was disconnected from the bus.'));
  }

  async #onHealed(dropped: number): Promise<void> {
    const outage = this.#outages;
    this.#member.hold();
    // Otherwise the end of the outage would be reported later than the call that ends it.
    const isOver = () => outage !== this.#outages;
    if (!this.#ledger.isUnread) await this.#catchUp(isOver);
    if (isOver()) return;
    this.#reach.back();
    this.#outage.end({ dropped, uncertain: 0 });
    this.#member.release();
  }

  /** Tries again until it succeeds, or until `isOver`. Rejects with the cause after `until`. */
  async #catchUp(isOver: () => boolean, until = Number.POSITIVE_INFINITY): Promise<void> {
    while (!isOver()) {
      try {
        return await this.#ledger.catchUp(this.#reach.awayMs);
      } catch (error) {
        if (performance.now() >= until) throw error;
        this.#outage.failing(error);
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      }
    }
  }

  #refuseIfClosed(): void {
    if (this.#state !== 'closed') return;
    throw new RoomgateError('shut_down', 'The backplane was closed. Create another one.');
  }

  async #loadAdapter(): Promise<AdapterFactory> {
    // Loaded only here, so that a single instance loads no encoding for messages to others.
    const { MemoryAdapter } = await import('./memory-adapter.js');
    const [member, report] = [this.#member, this.#report];
    // Not an arrow function, because Socket.IO calls it with `new`.
    return function makeAdapter(namespace) {
      return new MemoryAdapter(namespace, member, report);
    };
  }
}

function carrierOf(member: MemoryMember): Carrier {
  return {
    async publish(channel, message) {
      if (member.isAway) throw new Error('The network is unreachable.');
      member.publish(channel, Buffer.from(message));
    },
    subscribe: (channel, listener) => member.subscribe(channel, listener),
  };
}
