import { nameIn, RejectedMessageError } from '../common/instance-messages.js';
import { checkFields, needDuration, needName, needRoom } from '../common/method-arguments.js';
import { scopeOf } from '../common/scope.js';
import type { Bus, InstanceMessage } from '../ports/backplane/bus.js';
import { factsIn } from './explain-message.js';
import type { ExplainedBar, Explanation, Facts } from './explanation.js';

/** The topic on which instances ask each other about a user. */
const TOPIC = 'explain';
const TIMEOUT_MS = 5_000;
const FIELDS = ['user', 'room', 'timeout'];

/** What is asked about. */
export interface Explained {
  readonly user: string;
  /** Only this room. */
  readonly room: string | undefined;
}

export interface ExplainerOptions {
  readonly bus: Bus;
  /** The most characters of the name of a room that clients can join. */
  readonly roomNameLength: number;
  /** What this instance knows. */
  readonly facts: (which: Explained) => Facts;
}

/** Asks all instances what they know about a user. */
export class Explainer {
  readonly #options: ExplainerOptions;

  /** Create it before the backplane opens, so that no instance waits for an answer. */
  constructor(options: ExplainerOptions) {
    this.#options = options;
    options.bus.answer(TOPIC, (question) => ({ ...options.facts(readQuestion(question)) }));
  }

  /** @throws RoomgateError `invalid_argument`. */
  async explain(opts: Readonly<Record<string, unknown>>): Promise<Explanation> {
    const { user, room, timeoutMs } = this.#checked(opts);
    const { bus, facts } = this.#options;
    const question = { user, ...(room === undefined ? {} : { room }) };
    const own = facts({ user, room });
    const answers = await bus.ask({ topic: TOPIC, question, timeoutMs, read: factsIn });
    const all = [own, ...answers.answers.values()];
    return {
      user,
      ...scopeOf(answers),
      connections: all.flatMap(({ connections }) => connections),
      limits: all.flatMap(({ limits }) => limits),
      bars: barsOf(all),
      truncated: all.some(({ truncated }) => truncated),
    };
  }

  #checked(opts: Readonly<Record<string, unknown>>): Explained & { readonly timeoutMs: number } {
    checkFields('explain', opts, FIELDS);
    const { user, room, timeout } = opts;
    return {
      user: needName('explain', 'user', user),
      room: room === undefined ? undefined : needRoom('explain', 'room', room, this.#options.roomNameLength),
      timeoutMs: timeout === undefined ? TIMEOUT_MS : needDuration('explain', 'timeout', timeout),
    };
  }
}

/** Each once: all instances know the same bars. One that was cut off may lack some. */
function barsOf(all: readonly Facts[]): ExplainedBar[] {
  const bars = new Map<string, ExplainedBar>();
  for (const { revocation, ...bar } of all.flatMap((facts) => facts.bars)) {
    if (!bars.has(revocation)) bars.set(revocation, bar);
  }
  return [...bars.values()];
}

/** @throws RejectedMessageError */
function readQuestion({ user, room }: InstanceMessage): Explained {
  if (room !== undefined && (typeof room !== 'string' || room === ''))
    throw new RejectedMessageError('an invalid room');
  return { user: nameIn(user), room };
}
