import { AttemptLane, type LaneOptions } from './attempt-lane.js';

/** Lanes that are kept, of those that are limited and of the others. */
const MOST = 10_000;

export interface LanesOptions extends Omit<LaneOptions, 'limited'> {
  /** A lane has become limited. */
  readonly limited: (kind: LaneOptions['kind']) => void;
}

/**
 * The lanes of one kind by their names. Those that are limited are kept apart, so that an attacker who fails with many names can't have
 * the one forgotten that it is limited by.
 */
export class AttemptLanes {
  readonly #options: LanesOptions;
  // The longest unchanged first.
  readonly #open = new Map<string, AttemptLane>();
  readonly #limited = new Map<string, AttemptLane>();

  constructor(options: LanesOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#open.size + this.#limited.size;
  }

  find(name: string): AttemptLane | undefined {
    return this.#open.get(name) ?? this.#limited.get(name);
  }

  /** Those that are limited and whose names begin so. */
  limitedFrom(start: string): AttemptLane[] {
    return [...this.#limited].filter(([name]) => name.startsWith(start)).map(([, lane]) => lane);
  }

  of(name: string): AttemptLane {
    const known = this.find(name);
    if (known !== undefined) return known;
    const lane: AttemptLane = new AttemptLane({
      ...this.#options,
      limited: () => {
        this.settled(name, lane);
        this.#options.limited(this.#options.kind);
      },
    });
    this.#open.set(name, lane);
    dropOldest(this.#open);
    return lane;
  }

  /** The lane has changed. */
  settled(name: string, lane: AttemptLane): void {
    // It was dropped while its attempt ran.
    if (this.find(name) !== lane) return;
    this.#open.delete(name);
    this.#limited.delete(name);
    if (lane.isEmpty) return;
    const lanes = lane.isLimited ? this.#limited : this.#open;
    lanes.set(name, lane);
    dropOldest(lanes);
  }

  close(): void {
    for (const lane of [...this.#open.values(), ...this.#limited.values()]) lane.close();
    this.#open.clear();
    this.#limited.clear();
  }
}

function dropOldest(lanes: Map<string, AttemptLane>): void {
  if (lanes.size <= MOST) return;
  for (const [name, lane] of lanes) {
    if (!lane.isIdle) continue;
    lanes.delete(name);
    return;
  }
}
