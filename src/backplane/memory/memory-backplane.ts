import type { AdapterFactory, Backplane, BackplaneLocal, IdOwner } from '../../ports/backplane.js';
import type { Reporter } from '../../ports/reports.js';
import { RoomgateError } from '../../protocol/errors.js';
import { OutageReporter } from '../outage-reporter.js';
import type { BackplaneReport } from '../reports.js';
import type { MemoryBus, MemoryMember } from './memory-bus.js';
import { MemoryInstances } from './memory-instances.js';

export interface MemoryBackplaneOptions {
  /** What instances of this process share. Without it the instance stands alone. */
  readonly bus?: MemoryBus | undefined;
  /** Names the instance on the bus. */
  readonly identifier?: string | undefined;
  readonly report: Reporter<BackplaneReport>;
}

/** The name of the one connection in reports. */
const BUS = 'bus';

/** Instances of one process act as one through a bus. Without a bus there is one instance, and no cost. */
export function createMemoryBackplane({ bus, identifier = 'instance', report }: MemoryBackplaneOptions): Backplane {
  return bus === undefined ? ALONE : new MemoryBackplane(bus, identifier, report);
}

/** There is no other instance to ask, and Socket.IO's own adapter reaches every socket there is. */
const ALONE: Backplane = {
  open: async () => {},
  adapterFactory: () => undefined,
  emitter: () => undefined,
  findSockets: async (ids) => allOf(ids, 'nowhere'),
  instances: () => 0,
  close: async () => {},
};

class MemoryBackplane implements Backplane {
  readonly #bus: MemoryBus;
  readonly #identifier: string;
  readonly #report: Reporter<BackplaneReport>;
  #session: MemorySession | undefined;

  constructor(bus: MemoryBus, identifier: string, report: Reporter<BackplaneReport>) {
    this.#bus = bus;
    this.#identifier = identifier;
    this.#report = report;
  }

  async open(local: BackplaneLocal): Promise<void> {
    // Loaded here and not before, so that an instance that stands alone loads no encoding for messages to others.
    const { MemoryAdapter } = await import('./memory-adapter.js');
    if (this.#session !== undefined) throw new RoomgateError('invalid_argument', 'The backplane is open already.');
    const report = this.#report;
    const outage = new OutageReporter(BUS, report);
    const member = this.#bus.join(this.#identifier, {
      cut: () => outage.begin(new Error('The instance was cut off the bus.')),
      healed: (dropped) => outage.end({ dropped, uncertain: 0 }),
    });
    // Socket.IO calls it with `new`, which an arrow function would not take.
    function makeAdapter(namespace: Parameters<AdapterFactory>[0]) {
      return new MemoryAdapter(namespace, member, report);
    }
    this.#session = { member, instances: new MemoryInstances(member, local), adapterFactory: makeAdapter };
  }

  adapterFactory(): AdapterFactory {
    if (this.#session !== undefined) return this.#session.adapterFactory;
    throw new RoomgateError('not_configured', 'The backplane is not open.');
  }

  emitter(): undefined {
    return undefined;
  }

  async findSockets(ids: readonly string[], timeoutMs: number): Promise<ReadonlyMap<string, IdOwner>> {
    return this.#session?.instances.findSockets(ids, timeoutMs) ?? allOf(ids, 'unanswered');
  }

  instances(): number {
    return this.#session?.member.living.length ?? 0;
  }

  async close(): Promise<void> {
    const session = this.#session;
    this.#session = undefined;
    if (session === undefined) return;
    session.instances.leave();
    const dropped = session.member.leave();
    if (dropped > 0) this.#report({ type: 'backplane_messages_undelivered', connection: BUS, dropped, uncertain: 0 });
  }
}

/** From `open` to `close`. */
interface MemorySession {
  readonly member: MemoryMember;
  readonly instances: MemoryInstances;
  readonly adapterFactory: AdapterFactory;
}

function allOf(ids: readonly string[], owner: IdOwner): Map<string, IdOwner> {
  return new Map(ids.map((id) => [id, owner]));
}
