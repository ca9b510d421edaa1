/** An object of JSON values that one instance sends to others. Received ones are not trusted: read them with checks. */
export type InstanceMessage = Readonly<Record<string, unknown>>;

/** A question to every other living instance. */
export interface Question<A> {
  readonly topic: string;
  readonly question: InstanceMessage;
  readonly timeoutMs: number;
  /** Reads the answer of one instance. A throw means that this answer does not count: the instance has not answered. */
  readonly read: (answer: InstanceMessage, from: string) => A;
  /** True ends the question before every instance has answered. Called after each answer. */
  readonly isEnough?: (answers: ReadonlyMap<string, A>) => boolean;
}

export interface Answers<A> {
  /** By the id of the instance. */
  readonly answers: ReadonlyMap<string, A>;
  /** Ids of instances that are believed to live and have not answered. */
  readonly unanswered: readonly string[];
  /**
   * Whether every living instance has answered. An empty `unanswered` does not mean that: while the broker is away, the
   * living instances are not known.
   */
  readonly complete: boolean;
}

/**
 * Small control messages between instances. The broker that carries them is Redis, or the memory of one process. A message
 * is delivered at most once. Messages of one instance arrive in the order in which it sent them. There is no order between
 * instances and no replay, and the sender does not receive its own messages.
 *
 * A topic is one of few names in the code, never a name from a message. It has one owner, which subscribes to it or answers it
 * as long as the backplane lives. Topics that are claimed before `open` are received as soon as `open` resolves, and `open`
 * fails if the broker refuses one of them. A later refusal is reported and retried.
 *
 * A subscriber or answerer that throws rejects the message: this is counted and reported by topic.
 */
export interface Bus {
  /**
   * Resolves once the broker has taken the message, which is not delivery. Rejects at once while the broker is known to be
   * away: nothing is queued. It also rejects if the connection is lost before the broker answers; then some instances may
   * have got the message.
   */
  publish(topic: string, message: InstanceMessage): Promise<void>;
  subscribe(topic: string, subscriber: (message: InstanceMessage, from: string) => void | Promise<void>): void;
  /**
   * Asks every living instance, and waits for those that live at that time. An instance that says goodbye is not waited for.
   * One that dies without a goodbye is, until the timeout. Never rejects: while the broker is away it resolves at once,
   * incomplete. At most 1 000 questions wait at a time; another one resolves at once, incomplete.
   */
  ask<A>(question: Question<A>): Promise<Answers<A>>;
  /** Answers the questions of one topic. An instance that does not know the topic does not answer. */
  answer(
    topic: string,
    answerer: (question: InstanceMessage, from: string) => InstanceMessage | Promise<InstanceMessage>,
  ): void;
}
