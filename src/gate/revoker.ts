import { type Scope, scopeOf } from '../common/scope.js';
import type { KnownWho } from '../common/who.js';
import type { Bus, InstanceMessage } from '../ports/backplane/bus.js';
import type { Ledger, LedgerEntry, LedgerRead } from '../ports/backplane/ledger.js';
import type { Reporter } from '../ports/reports.js';
import type { Registry } from '../session/registry.js';
import type { Session } from '../session/session.js';
import type { GateReport } from './reports.js';
import { ofInstance, ofLedger } from './revocation-message.js';
import { RevocationNotice } from './revocation-notice.js';
import { concerns, type Decision, type Revocation, Revocations } from './revocations.js';
import { readRevokeCall } from './revoke-options.js';
import { UntoldRevocations } from './untold-revocations.js';

/** The topic on which instances tell each other what was revoked. */
const TOPIC = 'revoke';
/** The same for what could not be told in time, and is not answered. */
const LATE_TOPIC = 'revoked';

/** Ends access. The only owner of these steps is the performer of the server. */
export interface RevocationActs {
  /** Ends the client. After that nothing is handed to its transport. `text`: for its user. */
  revoke(session: Session, text: string | undefined): void;
  /** Puts the client out of a room, and voids its pending joins. Returns false if it was not in the room. */
  revokeRoom(session: Session, room: string, text: string | undefined): boolean;
  /** Ends all clients with an identity, which may come back and are authenticated anew. Returns how many there were. */
  sendAllBack(): number;
}

export interface RevokerOptions {
  readonly bus: Bus;
  readonly ledger: Ledger;
  readonly registry: Registry;
  /** Milliseconds that a decision can take. */
  readonly decisionMs: number;
  readonly report: Reporter<GateReport>;
}

/** Access that can't be had again before `until`. */
export interface Bar {
  /** The id of the revocation. */
  readonly revocation: string;
  readonly of: 'user' | 'session';
  readonly room?: string;
  readonly issuedBefore?: number;
  readonly since: number;
  readonly until: number;
}

/** The result of `revoke()`. */
export interface Revoked extends Scope {
  /** How many clients it ended, or put out of the room. */
  ended: number;
}

/**
 * Ends access on all instances. Each instance ends what it has, and confirms. The ledger keeps the revocation for instances that are
 * cut off or start later. An instance that is cut off itself tells the others once Redis is back.
 */
export class Revoker {
  readonly #options: RevokerOptions;
  readonly #revocations: Revocations;
  readonly #untold: UntoldRevocations;
  #acts: RevocationActs | undefined;

  /** Create it before the backplane opens, so that no instance waits for an answer. */
  constructor(options: RevokerOptions) {
    this.#options = options;
    this.#revocations = new Revocations(options.decisionMs);
    const { bus, ledger, report } = options;
    this.#untold = new UntoldRevocations({ bus, ledger, topic: LATE_TOPIC, report });
    bus.answer(TOPIC, (question) => ({ ended: this.#hear(question) }));
    bus.subscribe(LATE_TOPIC, (message) => void this.#hear(message));
    ledger.onRead((read) => this.#read(read));
  }

  /** From now on clients can be ended. Before that there are none. */
  attach(acts: RevocationActs): void {
    this.#acts = acts;
  }

  /** Whether access was withdrawn that this decision would give. Ask when the program has decided, and act in the same tick. */
  denies(decision: Decision): boolean {
    return this.#revocations.denies(decision, performance.now());
  }

  /** Whether access that is withdrawn for some time keeps the client out of a room. */
  readonly isBarred = ({ id: client, identity }: Session, room: string): boolean =>
    identity !== undefined && this.denies({ client, identity, beganAt: performance.now(), room });

  /** What is barred of a user, and of its clients by their sessions. `room`: only what concerns this room. By `performance.now()`. */
  barsOf(user: string, clients: readonly Session[], room: string | undefined): Bar[] {
    const sessions = new Set(clients.map(({ identity }) => identity?.session));
    const named: KnownWho[] = [{ kind: 'user', name: user }];
    for (const name of sessions) if (name !== undefined) named.push({ kind: 'session', name });
    return this.#revocations.barsOf(named, room, performance.now()).map(barOf);
  }

  /** @throws RoomgateError `invalid_argument`. */
  async revoke(opts: Readonly<Record<string, unknown>>): Promise<Revoked> {
    const { message, text, timeoutMs } = readRevokeCall(opts);
    const notice = new RevocationNotice(message, text);
    const own = this.#apply(notice.own, text);
    const { scope, others } = await this.#tell(notice, timeoutMs);
    const { instances, unconfirmed } = scope;
    const ended = own + others;
    const { report } = this.#options;
    report({ type: 'access_revoked', of: notice.of, ended, instances, unconfirmed: [...unconfirmed] });
    return { instances, unconfirmed, ended };
  }

  /** Revocations that the other instances were not told yet stay unknown to them. */
  close(): void {
    this.#untold.close();
  }

  /** Tells the other instances. While the broker can't be reached, it tries again until the time has passed, and then without waiting. */
  async #tell(notice: RevocationNotice, timeoutMs: number): Promise<{ scope: Scope; others: number }> {
    const { bus, ledger, registry } = this.#options;
    const deadline = performance.now() + timeoutMs;
    const left = (): number => Math.max(1, deadline - performance.now());
    const read = ({ ended }: InstanceMessage): number => (typeof ended === 'number' ? ended : 0);
    // An instance answers a repeated question too, but has ended its clients already.
    const ended = new Map<string, number>();
    for (;;) {
      // Before the question: an instance that connects between the two then reads it.
      await notice.store(ledger, left());
      const answers = await bus.ask({ topic: TOPIC, question: notice.toMessage(), timeoutMs: left(), read });
      for (const [id, count] of answers.answers) if (!ended.has(id)) ended.set(id, count);
      const isKnown = notice.isStored && answers.complete;
      if (!isKnown && performance.now() < deadline && !registry.isClosed) {
        await pause(Math.min(RETRY_MS, left()));
        continue;
      }
      if (!isKnown) this.#untold.add(notice);
      const unanswered = answers.unanswered.filter((id) => !ended.has(id));
      const scope = scopeOf({ answers: ended, unanswered, complete: answers.complete });
      // Instances that start later, and those that were cut off, would not read it.
      if (!notice.isStored && !scope.unconfirmed.includes('unknown')) scope.unconfirmed.push('unknown');
      return { scope, others: [...ended.values()].reduce((sum, one) => sum + one, 0) };
    }
  }

  /** Another instance tells it. Returns how many clients it ended. */
  #hear(message: InstanceMessage): number {
    const { text } = message;
    return this.#apply(ofInstance(message, performance.now()), typeof text === 'string' ? text : undefined);
  }

  /** What was revoked while this instance was cut off. */
  #read({ entries, complete }: LedgerRead): void {
    const now = performance.now();
    const isUnderstood = entries.map((entry) => this.#readEntry(entry, now));
    if ((complete && !isUnderstood.includes(false)) || this.#acts === undefined) return;
    const clients = this.#acts.sendAllBack();
    if (clients > 0) this.#options.report({ type: 'revocations_unknown', clients });
  }

  /** Returns false if the entry can't be read: one of a later version may withdraw access in a way that this one does not know. */
  #readEntry(entry: LedgerEntry, now: number): boolean {
    try {
      this.#apply(ofLedger(entry, now), undefined);
      return true;
    } catch {
      return false;
    }
  }

  /** Returns how many clients it ended. */
  #apply(revocation: Revocation, text: string | undefined): number {
    if (!this.#revocations.add(revocation, performance.now()) || this.#acts === undefined) return 0;
    let ended = 0;
    for (const session of this.#sessionsOf(revocation)) {
      const { room } = revocation;
      if (room === undefined) this.#acts.revoke(session, text);
      else if (!this.#acts.revokeRoom(session, room, text)) continue;
      ended += 1;
    }
    return ended;
  }

  /** The clients whose access was decided on before the revocation. */
  #sessionsOf(revocation: Revocation): readonly Session[] {
    const named = this.#options.registry.sessionsOf(revocation.who);
    return named.filter((session) => concerns(revocation, session.identity) && wasBefore(revocation, session));
  }
}

/**
 * Whether this client was authenticated before the revocation, which may have been read long after it. A renewal in that time changes
 * nothing: the instance would have ended the client before, if it had known. A bar also ends what was decided since then.
 */
function wasBefore({ who, at, barredUntil }: Revocation, { admittedAt }: Session): boolean {
  // A socket id is never used again.
  if (who.kind === 'id' || (barredUntil !== undefined && performance.now() < barredUntil)) return true;
  return admittedAt < at;
}

function barOf({ id, who, room, issuedBefore, at, barredUntil }: Revocation & { readonly barredUntil: number }): Bar {
  return {
    revocation: id,
    of: who.kind === 'session' ? 'session' : 'user',
    ...(room === undefined ? {} : { room }),
    ...(issuedBefore === undefined ? {} : { issuedBefore }),
    since: at,
    until: barredUntil,
  };
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Milliseconds between two attempts while the broker can't be reached. */
const RETRY_MS = 100;
