import { nameIn } from '../common/instance-messages.js';
import type { Answers, Bus, InstanceMessage, Question } from '../ports/backplane/bus.js';
import type { Instances } from '../ports/backplane/instances.js';
import { PendingQuestion } from './pending-question.js';
import type { Topics } from './topics.js';

const MOST_PENDING = 1_000;

/** The part of a pending question that does not depend on the type of its answers. */
type Pending = Pick<PendingQuestion<unknown>, 'waitFor' | 'answered' | 'left' | 'finish'>;

type Sent = Pick<Question<unknown>, 'topic' | 'question'>;

/** The Bus over any broker that carries topics. A question is a message with a number, which its answers repeat. */
export class InstanceBus implements Bus {
  readonly #topics: Topics;
  readonly #instances: Instances;
  readonly #pending = new Map<string, Pending>();
  #asked = 0;

  constructor(topics: Topics, instances: Instances) {
    this.#topics = topics;
    this.#instances = instances;
    topics.subscribe(answersTo(instances.id), (message, from) => this.#receiveAnswer(message, from), 'answer');
    // An expired lease ends no question: if this process blocked its event loop, every lease that it knows has expired.
    instances.onChange((change, id) => {
      if (change === 'left') for (const pending of this.#pending.values()) pending.left(id);
    });
  }

  publish(topic: string, message: InstanceMessage): Promise<void> {
    return this.#topics.publish(topic, message);
  }

  subscribe(topic: string, subscriber: (message: InstanceMessage, from: string) => void | Promise<void>): void {
    this.#topics.subscribe(topic, subscriber);
  }

  answer(
    topic: string,
    answerer: (question: InstanceMessage, from: string) => InstanceMessage | Promise<InstanceMessage>,
  ): void {
    this.#topics.subscribe(topic, async ({ ask, ...question }, from) => {
      const number = nameIn(ask);
      const answer = await answerer(question, from);
      // If Redis is unreachable by now, the asker waits until its timeout and no longer.
      await this.#topics.publish(answersTo(from), { ...answer, ask: number }).catch(() => {});
    });
  }

  async ask<A>(question: Question<A>): Promise<Answers<A>> {
    if (this.#pending.size >= MOST_PENDING) {
      return { answers: new Map(), unanswered: this.#instances.others, complete: false };
    }
    const number = `${this.#asked++}`;
    return new Promise((resolve) => {
      const done = (answers: Answers<A>) => {
        this.#pending.delete(number);
        resolve(answers);
      };
      const pending = new PendingQuestion(question, () => this.#instances.others, done);
      this.#pending.set(number, pending);
      this.#send(number, question, pending).catch(() => pending.finish());
    });
  }

  /** Ends every pending question, because no further answers arrive. */
  end(): void {
    for (const pending of [...this.#pending.values()]) pending.finish();
  }

  async #send(number: string, { topic, question }: Sent, pending: Pending): Promise<void> {
    const living = await this.#instances.list();
    pending.waitFor(living);
    if (living.length === 0 || !this.#pending.has(number)) return;
    await this.#topics.publish(topic, { ...question, ask: number });
  }

  #receiveAnswer({ ask, ...answer }: InstanceMessage, from: string): void {
    this.#pending.get(nameIn(ask))?.answered(from, answer);
  }
}

function answersTo(instance: string): string {
  return `answer:${instance}`;
}
