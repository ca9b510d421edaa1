import { RoomgateError } from '../protocol/errors.js';
import { type Entry, readEntry } from './entry.js';

/** The handlers of a helper or a component by topic. It exists before the first client, and outlives the helpers of a component. */
export class HandlerRegistry {
  readonly #entries = new Map<string, Entry>();
  readonly #watchers = new Set<(topic: string) => void>();

  /**
   * Adds a handler. Returns a function that removes it.
   * @throws RoomgateError `invalid_argument` for wrong arguments, a reserved topic, and the second handler of a topic.
   */
  add(opts: unknown): () => void {
    const entry = readEntry(opts);
    const { topic } = entry;
    if (this.#entries.has(topic)) {
      const text = `handle(): topic: "${topic}" has a handler already. Remove it first, with the function that handle() returned.`;
      throw new RoomgateError('invalid_argument', text);
    }
    this.#entries.set(topic, entry);
    for (const watch of this.#watchers) watch(topic);
    return () => {
      if (this.#entries.get(topic) === entry) this.#entries.delete(topic);
    };
  }

  /** The handler of a topic. A client may send anything as a topic. */
  get(topic: unknown): Entry | undefined {
    return this.#entries.size === 0 ? undefined : this.#entries.get(topic as string);
  }

  readonly has = (topic: unknown): boolean => this.get(topic) !== undefined;

  get topics(): readonly string[] {
    return [...this.#entries.keys()];
  }

  /** Calls `watch` with each topic that is added from now on. */
  onAdded(watch: (topic: string) => void): void {
    this.#watchers.add(watch);
  }
}
