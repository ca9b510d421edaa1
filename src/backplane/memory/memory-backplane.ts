import { RoomgateError } from '../../protocol/errors.js';
import type { IBackplane, IBackplaneLocal, TAdapterFactory, TIdOwner, TReporter } from '../../server/ports.js';
import { Outage } from '../outage.js';
import type { MemoryBus, MemoryMember } from './memory-bus.js';
import { MemoryInstances } from './memory-instances.js';

export interface IMemoryBackplaneOptions {
  /** What instances of this process share. Without it the instance stands alone. */
  readonly bus?: MemoryBus | undefined;
  /** Names the instance on the bus. */
  readonly identifier?: string | undefined;
  readonly report: TReporter;
}

/** The name of the one connection in reports. */
const BUS = 'bus';

/** Instances of one process act as one through a bus. Without a bus there is one instance, and no cost. */
export function createMemoryBackplane({ bus, identifier = 'instance', report }: IMemoryBackplaneOptions): IBackplane {
  return bus === undefined ? ALONE : new MemoryBackplane(bus, identifier, report);
}

/** There is no other instance to ask, and Socket.IO's own adapter reaches every socket there is. */
const ALONE: IBackplane = {
  open: async () => {},
  adapterFactory: () => undefined,
  emitter: () => undefined,
  findSockets: async (ids) => allOf(ids, 'nowhere'),
  instances: () => 0,
  close: async () => {},
};

class MemoryBackplane implements IBackplane {
  readonly #bus: MemoryBus;
  readonly #identifier: string;
  readonly #report: TReporter;
  #session: ISession | undefined;

  constructor(bus: MemoryBus, identifier: string, report: TReporter) {
    this.#bus = bus;
    this.#identifier = identifier;
    this.#report = report;
  }

  async open(local: IBackplaneLocal): Promise<void> {
    // Loaded here and not before, so that an instance that stands alone loads no encoding for messages to others.
    const { MemoryAdapter } = await import('./memory-adapter.js');
    if (this.#session !== undefined) throw new RoomgateError('invalid_argument', 'The backplane is open already.');
    const report = this.#report;
    const outage = new Outage(BUS, report);
    const member = this.#bus.join(this.#identifier, {
      cut: () => outage.begin(new Error('The instance was cut off the bus.')),
      healed: (dropped) => outage.end({ dropped, uncertain: 0 }),
    });
    // Socket.IO calls it with `new`, which an arrow function would not take.
    function makeAdapter(namespace: Parameters<TAdapterFactory>[0]) {
      return new MemoryAdapter(namespace, member, report);
    }
    this.#session = { member, instances: new MemoryInstances(member, local), adapterFactory: makeAdapter };
  }

  adapterFactory(): TAdapterFactory {
    if (this.#session !== undefined) return this.#session.adapterFactory;
    throw new RoomgateError('not_configured', 'The backplane is not open.');
  }

  emitter(): undefined {
    return undefined;
  }

  async findSockets(ids: readonly string[], timeoutMs: number): Promise<ReadonlyMap<string, TIdOwner>> {
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
    if (dropped > 0) this.#report({ type: 'backplane_abandoned', connection: BUS, dropped, uncertain: 0 });
  }
}

/** From `open` to `close`. */
interface ISession {
  readonly member: MemoryMember;
  readonly instances: MemoryInstances;
  readonly adapterFactory: TAdapterFactory;
}

function allOf(ids: readonly string[], owner: TIdOwner): Map<string, TIdOwner> {
  return new Map(ids.map((id) => [id, owner]));
}
