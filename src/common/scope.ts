/** How far a change has reached. */
export interface Scope {
  /** How many instances have confirmed it, this one included. */
  instances: number;
  /**
   * The ids of instances that have not confirmed it in time. One that lives and can't reach Redis is among them. If this instance
   * can't reach Redis, it does not know the others: then the list has the entry `unknown`.
   */
  unconfirmed: string[];
}

/** The answers of the other instances to a question. */
interface Confirmations {
  readonly answers: ReadonlyMap<string, unknown>;
  readonly unanswered: readonly string[];
  readonly complete: boolean;
}

export function scopeOf({ answers, unanswered, complete }: Confirmations): Scope {
  const unconfirmed = [...unanswered];
  if (!complete && unconfirmed.length === 0) unconfirmed.push('unknown');
  return { instances: answers.size + 1, unconfirmed };
}
