import { nameIn, RejectedMessageError } from '../common/instance-messages.js';
import { checkFields, needDuration, needName, needRoom } from '../common/method-arguments.js';
import { type Scope, scopeOf } from '../common/scope.js';
import { withinOr } from '../common/within.js';
import type { Bus } from '../ports/backplane/bus.js';
import type { Instances } from '../ports/backplane/instances.js';

/** The topic on which instances ask each other to check clients again. */
const TOPIC = 'revalidate';
/** How much longer than the guard an instance may take, to answer. */
const MARGIN_MS = 2_000;
const EXAMPLE = 'Write revalidate({ room: "team/7" }), revalidate({ user: "ann" }) or both.';
const FIELDS = ['user', 'room', 'timeout'];

/** Which rooms of which clients are checked again. At least one of the two is given. */
export interface Rechecked {
  readonly user: string | undefined;
  readonly room: string | undefined;
}

export interface RevalidationOptions {
  readonly bus: Bus;
  readonly instances: Instances;
  readonly guardTimeout: number;
  /** The most characters of the name of a room that clients can join. */
  readonly roomNameLength: number;
  /** Checks the clients of this instance. Returns how many rooms they have lost. */
  readonly recheck: (which: Rechecked) => Promise<number>;
}

/** Has the guard asked again about clients that are in rooms, on all instances. */
export class Revalidation {
  readonly #options: RevalidationOptions;

  /** Create it before the backplane opens, so that no instance waits for an answer. */
  constructor(options: RevalidationOptions) {
    this.#options = options;
    options.bus.answer(TOPIC, async (question) => ({ left: await options.recheck(readQuestion(question)) }));
  }

  /** @throws RoomgateError `invalid_argument`. */
  async revalidate(opts: Readonly<Record<string, unknown>>): Promise<Scope & { left: number }> {
    const { bus, instances, recheck } = this.#options;
    const { user, room, timeoutMs } = this.#checked(opts);
    let left = 0;
    const asking = bus.ask({
      topic: TOPIC,
      question: { ...(user === undefined ? {} : { user }), ...(room === undefined ? {} : { room }) },
      timeoutMs,
      read: (answer) => {
        left += countIn(answer.left);
      },
    });
    const [own, answers] = await Promise.all([withinOr(recheck({ user, room }), timeoutMs, undefined), asking]);
    const scope = scopeOf(answers);
    if (own !== undefined) return { ...scope, left: left + own };
    return { instances: scope.instances - 1, unconfirmed: [instances.id, ...scope.unconfirmed], left };
  }

  #checked(opts: Readonly<Record<string, unknown>>): Rechecked & { readonly timeoutMs: number } {
    const { guardTimeout, roomNameLength } = this.#options;
    checkFields('revalidate', opts, FIELDS);
    const { user, room, timeout } = opts;
    if (user === undefined && room === undefined) needName('revalidate', 'user or room', undefined, EXAMPLE);
    return {
      user: user === undefined ? undefined : needName('revalidate', 'user', user),
      room: room === undefined ? undefined : needRoom('revalidate', 'room', room, roomNameLength),
      timeoutMs: timeout === undefined ? guardTimeout + MARGIN_MS : needDuration('revalidate', 'timeout', timeout),
    };
  }
}

/** @throws RejectedMessageError */
function readQuestion({ user, room }: Readonly<Record<string, unknown>>): Rechecked {
  const which = {
    user: user === undefined ? undefined : nameIn(user),
    room: room === undefined ? undefined : textIn(room),
  };
  if (user === undefined && room === undefined) throw new RejectedMessageError('neither a user nor a room');
  return which;
}

/** The name of a room may be longer than others: see `limits.roomNameLength`. */
function textIn(value: unknown): string {
  if (typeof value === 'string' && value !== '') return value;
  throw new RejectedMessageError('an invalid room');
}

function countIn(value: unknown): number {
  if (typeof value === 'number' && Number.isInteger(value) && value >= 0) return value;
  throw new RejectedMessageError('an invalid number');
}
