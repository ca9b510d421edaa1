import type { Bus } from '../../ports/backplane/bus.js';
import type { Instances } from '../../ports/backplane/instances.js';
import type { AdapterFactory, Backplane } from '../../ports/backplane.js';
import type { Reporter } from '../../ports/reports.js';
import { RoomgateError } from '../../protocol/errors.js';
import { InstanceBus } from '../instance-bus.js';
import { OutageReporter } from '../outage-reporter.js';
import type { BackplaneReport } from '../reports.js';
import { type Carrier, Topics } from '../topics.js';
import { MemoryInstances } from './memory-instances.js';
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
  readonly #bus: InstanceBus;
  readonly #instances: MemoryInstances;
  readonly #member: MemoryMember;
  readonly #isAlone: boolean;
  readonly #report: Reporter<BackplaneReport>;
  #state: 'new' | 'open' | 'closed' = 'new';
  #adapterFactory: AdapterFactory | undefined;

  constructor({ network, identifier = 'instance', report }: MemoryBackplaneOptions) {
    const outage = new OutageReporter(CONNECTION, report);
    const member = (network ?? new MemoryNetwork()).createMember(identifier, {
      cut: () => outage.begin(new Error('The instance was disconnected from the bus.')),
      healed: (dropped) => outage.end({ dropped, uncertain: 0 }),
      changed: (change, id) => this.#instances.changed(change, id),
    });
    // The instances of one process send valid messages to each other, unless Roomgate has a defect.
    const onRejected = (channel: string, error: unknown) =>
      report({ type: 'backplane_messages_rejected', channel, reason: String(error), count: 1 });
    const topics = new Topics({ id: member.id, carrier: carrierOf(member), onRejected });
    this.#instances = new MemoryInstances(member, topics);
    this.#bus = new InstanceBus(topics, this.#instances);
    this.bus = this.#bus;
    this.instances = this.#instances;
    this.#member = member;
    this.#isAlone = network === undefined;
    this.#report = report;
  }

  async open(): Promise<void> {
    if (this.#state === 'open') throw new RoomgateError('invalid_argument', 'The backplane is open already.');
    this.#refuseIfClosed();
    this.#state = 'open';
    if (!this.#isAlone) this.#adapterFactory = await this.#loadAdapter();
    this.#refuseIfClosed();
    this.#member.join();
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
    this.#bus.end();
    await this.#instances.leave();
    const dropped = this.#member.leave();
    if (dropped > 0)
      this.#report({ type: 'backplane_messages_undelivered', connection: CONNECTION, dropped, uncertain: 0 });
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
