import type { Answers, InstanceMessage, Question } from '../ports/backplane/bus.js';

/** Most answers to one question: any process with access to Redis can send more than there are instances. */
const MOST_ANSWERS = 1_000;

/** A question that some instances have not answered yet. It ends once, by `finish` or by its timeout. */
export class PendingQuestion<A> {
  readonly #question: Question<A>;
  readonly #others: () => readonly string[];
  readonly #done: (answers: Answers<A>) => void;
  readonly #answers = new Map<string, A>();
  readonly #timer: NodeJS.Timeout;
  /** The instances that have not answered. Undefined until the living instances are known. */
  #waitingFor: Set<string> | undefined;

  /** `others`: the instances that are believed to live, for a question that ends before they are known. */
  constructor(question: Question<A>, others: () => readonly string[], done: (answers: Answers<A>) => void) {
    this.#question = question;
    this.#others = others;
    this.#done = done;
    this.#timer = setTimeout(() => this.finish(), question.timeoutMs);
    this.#timer.unref();
  }

  /** The other living instances. */
  waitFor(instances: readonly string[]): void {
    this.#waitingFor = new Set(instances.filter((id) => !this.#answers.has(id)));
    this.#finishIfDone();
  }

  /** The first answer of an instance counts. Throws what `read` of the question throws. */
  answered(from: string, answer: InstanceMessage): void {
    if (this.#answers.has(from) || (this.#answers.size >= MOST_ANSWERS && !this.#waitingFor?.has(from))) return;
    this.#answers.set(from, this.#question.read(answer, from));
    this.left(from);
  }

  /** The instance has left and will not answer. */
  left(instance: string): void {
    this.#waitingFor?.delete(instance);
    this.#finishIfDone();
  }

  /** Ends the question with what is known now. */
  finish(): void {
    clearTimeout(this.#timer);
    const answers = this.#answers;
    const waitingFor = [...(this.#waitingFor ?? this.#others())];
    const unanswered = waitingFor.filter((id) => !answers.has(id));
    this.#done({ answers, unanswered, complete: this.#waitingFor?.size === 0 });
  }

  #finishIfDone(): void {
    if (this.#waitingFor?.size === 0 || this.#question.isEnough?.(this.#answers)) this.finish();
  }
}
