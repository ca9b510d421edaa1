/** One person may begin so many conversations within so many milliseconds. */
const MOST_BEGUN = 10;
const WITHIN_MS = 50_000;
/** The most people that are remembered for each sender. */
const MOST_RECIPIENTS = 100;

/** Keeps people from writing to everybody. Counts by name, so more windows or a new connection do not give more. */
export class NewConversations {
  /** By sender: the people that received a whisper, and when the first one was sent. */
  readonly #begun = new Map<string, Map<string, number>>();

  constructor() {
    setInterval(() => this.#forget(), WITHIN_MS).unref();
  }

  /** Whether this person may write to that one now. */
  allow(from: string, to: string): boolean {
    const begun = this.#begun.get(from) ?? new Map<string, number>();
    if (begun.has(to)) return true;
    if (countLate(begun) >= MOST_BEGUN) return false;
    this.#begun.set(from, begun.set(to, Date.now()));
    const [oldest] = begun.keys();
    if (begun.size > MOST_RECIPIENTS && oldest !== undefined) begun.delete(oldest);
    return true;
  }

  #forget(): void {
    for (const [from, begun] of this.#begun) if (countLate(begun) === 0) this.#begun.delete(from);
  }
}

function countLate(begun: ReadonlyMap<string, number>): number {
  return [...begun.values()].filter((at) => at > Date.now() - WITHIN_MS).length;
}
