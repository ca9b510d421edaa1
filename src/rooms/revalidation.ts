import { LONGEST_TIMER_MS, wrongArgument } from '../common/checks.js';
import { nameIn, RejectedMessageError } from '../common/instance-messages.js';
import { type Scope, scopeOf } from '../common/scope.js';
import { withinOr } from '../common/within.js';
import type { Bus } from '../ports/backplane/bus.js';
import type { Instances } from '../ports/backplane/instances.js';
import { RoomgateError } from '../protocol/errors.js';

/** The topic on which instances ask each other to check clients again. */
const TOPIC = 'revalidate';
/** How much longer than the guard an instance may take, to answer. */
const MARGIN_MS = 2_000;
const EXAMPLE = 'Write revalidate({ room: "team/7" }), revalidate({ user: "ann" }) or both.';
const NAMES: ReadonlySet<string> = new Set(['user', 'room', 'timeout']);

/** Which rooms of which clients are checked again. At least one of the two is given. */
export interface Rechecked {
  readonly user: string | undefined;
  readonly room: string | undefined;
}

export interface RevalidationOptions {
  readonly bus: Bus;
  readonly instances: Instances;
  readonly guardTimeout: number;
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
    const { bus, instances, guardTimeout, recheck } = this.#options;
    const { user, room, timeout } = checked(opts);
    const timeoutMs = timeout ?? guardTimeout + MARGIN_MS;
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

function checked(opts: Readonly<Record<string, unknown>>): Rechecked & { readonly timeout: number | undefined } {
  const { user, room, timeout } = opts;
  const other = Object.keys(opts).find((name) => !NAMES.has(name));
  if (other !== undefined) {
    throw new RoomgateError('invalid_argument', `revalidate(): "${other}" does not exist. ${EXAMPLE}`);
  }
  if (user === undefined && room === undefined) {
    throw wrongArgument('revalidate', 'options', '"user" or "room"', opts, EXAMPLE);
  }
  return { user: name('user', user), room: name('room', room), timeout: timeoutOf(timeout) };
}

function name(argument: string, value: unknown): string | undefined {
  if (value === undefined || (typeof value === 'string' && value !== '')) return value;
  throw wrongArgument('revalidate', argument, 'a non-empty string', value);
}

function timeoutOf(value: unknown): number | undefined {
  if (value === undefined || (typeof value === 'number' && value >= 0 && value <= LONGEST_TIMER_MS)) return value;
  throw wrongArgument('revalidate', 'timeout', `a number of milliseconds from 0 to ${LONGEST_TIMER_MS}`, value);
}
