import type { IdOwner } from '../ports/backplane.js';

/** How other instances are asked. */
export interface Asking {
  /** The instances that live, beside this one. Rejects where that can't be known. */
  living(): Promise<readonly string[]>;
  /** Asks all of them which of these sockets they have. */
  ask(question: string, ids: readonly string[]): Promise<unknown>;
}

/** A question that some instances have not answered yet. */
interface Pending {
  readonly ids: ReadonlySet<string>;
  readonly found: Set<string>;
  /** Undefined until it is known who lives: before that nobody is known to have answered. */
  waitingFor: Set<string> | undefined;
  /** Ends it, if all that can be known is known. */
  settle(): void;
  giveUp(): void;
}

const MOST_PENDING = 1_000;
/** In one question. */
export const MOST_IDS = 1_000;
/** Socket ids and names of instances are much shorter. */
const LONGEST = 255;

/** Whether it can be a socket's id, or an instance's. */
export function isName(value: unknown): value is string {
  return typeof value === 'string' && value !== '' && value.length <= LONGEST;
}

/** What this instance has asked the others: bounded in number and in time. */
export class OpenQuestions {
  readonly #asking: Asking;
  readonly #pending = new Map<string, Pending>();
  #asked = 0;

  constructor(asking: Asking) {
    this.#asking = asking;
  }

  /** See `findSockets` of the port. Never rejects. */
  async findSockets(ids: readonly string[], timeoutMs: number): Promise<ReadonlyMap<string, IdOwner>> {
    const all = [...new Set(ids)].filter(isName);
    const chunks: string[][] = [];
    for (let i = 0; i < all.length; i += MOST_IDS) chunks.push(all.slice(i, i + MOST_IDS));
    const answers = await Promise.all(chunks.map((chunk) => this.#find(chunk, timeoutMs)));
    // No socket has a name that can't be asked for.
    return new Map([...allOf(ids, 'nowhere'), ...answers.flatMap((answer) => [...answer])]);
  }

  /** An instance has answered. */
  answered(question: string, from: string, has: readonly string[]): void {
    const pending = this.#pending.get(question);
    if (pending === undefined) return;
    for (const id of has) if (pending.ids.has(id)) pending.found.add(id);
    pending.waitingFor?.delete(from);
    pending.settle();
  }

  /** An instance has left, and answers no more. */
  left(from: string): void {
    for (const pending of this.#pending.values()) {
      pending.waitingFor?.delete(from);
      pending.settle();
    }
  }

  /** Ends every question: there is no answer any more. */
  end(): void {
    for (const pending of [...this.#pending.values()]) pending.giveUp();
  }

  async #find(ids: readonly string[], timeoutMs: number): Promise<Map<string, IdOwner>> {
    if (this.#pending.size >= MOST_PENDING) return allOf(ids, 'unanswered');
    const question = `${this.#asked++}`;
    return new Promise((resolve) => {
      const found = new Set<string>();
      const finish = (otherwise: IdOwner) => {
        clearTimeout(timer);
        this.#pending.delete(question);
        resolve(new Map(ids.map((id) => [id, found.has(id) ? 'elsewhere' : otherwise])));
      };
      const giveUp = () => finish('unanswered');
      const settle = () => {
        if (pending.waitingFor?.size === 0 || found.size === ids.length) finish('nowhere');
      };
      const pending: Pending = { ids: new Set(ids), found, waitingFor: undefined, settle, giveUp };
      const timer = setTimeout(giveUp, timeoutMs);
      timer.unref();
      this.#pending.set(question, pending);
      this.#ask(question, ids, pending).catch(giveUp);
    });
  }

  async #ask(question: string, ids: readonly string[], pending: Pending): Promise<void> {
    const living = await this.#asking.living();
    pending.waitingFor = new Set(living);
    pending.settle();
    if (living.length > 0 && this.#pending.has(question)) await this.#asking.ask(question, ids);
  }
}

function allOf(ids: readonly string[], owner: IdOwner): Map<string, IdOwner> {
  return new Map(ids.map((id) => [id, owner]));
}
