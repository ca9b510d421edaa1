/** An object of JSON values that one instance sends to others. Check a received message before use: it is not trusted. */
export type InstanceMessage = Readonly<Record<string, unknown>>;

/** A question to every other living instance. */
export interface Question<A> {
  readonly topic: string;
  readonly question: InstanceMessage;
  readonly timeoutMs: number;
  /** Parses the answer of one instance. If it throws, the instance counts as one that has not answered. */
  readonly read: (answer: InstanceMessage, from: string) => A;
  /** True ends the question before every instance has answered. Called after each answer. */
  readonly isEnough?: (answers: ReadonlyMap<string, A>) => boolean;
}

export interface Answers<A> {
  /** By the id of the instance. */
  readonly answers: ReadonlyMap<string, A>;
  /** Ids of instances that have not answered and are not known to be dead. */
  readonly unanswered: readonly string[];
  /**
   * Whether every living instance has answered. An empty `unanswered` does not mean that: while the broker is unreachable, the
   * living instances are not known.
   */
  readonly complete: boolean;
}

/**
 * Small control messages between instances. The broker that carries them is Redis, or the memory of one process. A message
 * is delivered at most once. Messages of one instance arrive in the order in which it sent them. There is no order between
 * instances and no replay, and the sender does not receive its own messages.
 *
 * A topic is one of a few names in the code, never a name from a message. It has one owner, which subscribes to it or answers it
 * until the backplane closes. Topics that are claimed before `open` are active when `open` resolves, and `open` fails if the broker
 * refuses one of them. A later refusal is reported and retried.
 *
 * If a subscriber or an answerer throws, the message is rejected, counted, and reported by topic.
 */
export interface Bus {
  /**
   * Resolves when the broker has accepted the message, which does not mean delivery. Rejects immediately while the broker is known
   * to be unreachable: nothing is queued. It also rejects if the connection is lost before the broker answers; then some instances may have
   * received the message.
   */
  publish(topic: string, message: InstanceMessage): Promise<void>;
  subscribe(topic: string, subscriber: (message: InstanceMessage, from: string) => void | Promise<void>): void;
  /**
   * Asks every living instance, and waits for the instances that live at the time of the call. It stops waiting for an instance that
   * says goodbye. It waits until the timeout for an instance that dies without a goodbye. Never rejects: while the broker is unreachable it
   * resolves immediately, incomplete. At most 1 000 questions are pending; another one resolves immediately, incomplete.
   */
  ask<A>(question: Question<A>): Promise<Answers<A>>;
  /** Answers the questions of one topic. An instance that does not know the topic does not answer. */
  answer(
    topic: string,
    answerer: (question: InstanceMessage, from: string) => InstanceMessage | Promise<InstanceMessage>,
  ): void;
}
