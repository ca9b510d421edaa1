/**
 * The random choices of one seed. A choice depends on the seed, on the number of the step and on what it is for, and on nothing that
 * was chosen before. So a step stays the same if others are left out.
 */
export class Dice {
  readonly #seed: number;
  #step = 0;

  constructor(seed: number) {
    this.#seed = seed;
  }

  /** From now on the choices are those of this step. */
  begin(step: number): void {
    this.#step = step;
  }

  /** From 0 to 1, the same for the same words in one step. */
  number(what: string): number {
    return this.#hash(what);
  }

  below(count: number, what: string): number {
    return Math.floor(this.number(what) * count);
  }

  /** Only for a list that is not empty. */
  pick<T>(from: readonly T[], what: string): T {
    return from[this.below(from.length, what)] as T;
  }

  /** The item stays the same if others are added or removed. Undefined if there is none. */
  choose<T extends { readonly name: string; readonly weight: number }>(items: readonly T[]): T | undefined {
    let chosen: T | undefined;
    let least = Number.POSITIVE_INFINITY;
    for (const item of items) {
      // The least of exponential variables: each item is the first one with a probability that is proportional to its weight.
      const when = -Math.log(this.#hash(`choose ${item.name}`)) / item.weight;
      if (when >= least) continue;
      least = when;
      chosen = item;
    }
    return chosen;
  }

  /** From 0 to 1, both excluded: FNV-1a, and the end of murmur3. */
  #hash(text: string): number {
    let hash = Math.imul(this.#seed + 1, 0x9e3779b1) ^ Math.imul(this.#step + 1, 0x85ebca6b);
    for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
    hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
    hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
    return (((hash ^ (hash >>> 16)) >>> 0) + 0.5) / 2 ** 32;
  }
}
