import type { InstanceChange, Instances } from '../../ports/backplane/instances.js';
import type { Topics } from '../topics.js';
import type { MemoryMember } from './memory-network.js';

const GOODBYE = 'goodbye';

/** The instances that have joined a `MemoryNetwork` and not left. One that is cut off is alive, but does not answer. */
export class MemoryInstances implements Instances {
  readonly #member: MemoryMember;
  readonly #topics: Topics;
  readonly #listeners: ((change: InstanceChange, id: string) => void)[] = [];

  constructor(member: MemoryMember, topics: Topics) {
    this.#member = member;
    this.#topics = topics;
    topics.subscribe(GOODBYE, (_, from) => this.changed('left', from));
  }

  get id(): string {
    return this.#member.id;
  }

  get others(): readonly string[] {
    return this.#member.living;
  }

  async list(): Promise<readonly string[]> {
    if (this.#member.isAway) throw new Error('The network is unreachable.');
    return this.#member.living;
  }

  onChange(listener: (change: InstanceChange, id: string) => void): void {
    this.#listeners.push(listener);
  }

  /** Says goodbye, so that no other instance waits for this one. Never rejects. */
  async leave(): Promise<void> {
    await this.#topics.publish(GOODBYE, {}).catch(() => {});
  }

  /** Tells the listeners. */
  changed(change: InstanceChange, id: string): void {
    for (const listener of this.#listeners) listener(change, id);
  }
}
