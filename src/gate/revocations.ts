import type { KnownWho } from '../common/who.js';
import type { KnownIdentity } from '../ports/identity.js';

/** Access that was withdrawn. All times are those of `performance.now()`, except `issuedBefore`. */
export interface Revocation {
  /** Unique: the same revocation can arrive several times. */
  readonly id: string;
  readonly who: KnownWho;
  /** Only the access to this room. */
  readonly room: string | undefined;
  /** Only identities that were issued before this moment, in milliseconds since 1970. */
  readonly issuedBefore: number | undefined;
  /** When the access was withdrawn: decisions that began before are void. */
  readonly at: number;
  /** Until then new decisions are refused too. */
  readonly barredUntil: number | undefined;
  /** Until then it can arrive again. */
  readonly knownUntil: number;
}

/** A decision to let a client in, or into a room. */
export interface Decision {
  readonly identity: KnownIdentity;
  /** The id of the socket. */
  readonly client: string;
  /** When the program was asked, by `performance.now()`. */
  readonly beganAt: number;
  /** The room that the client wants to join; undefined if it wants to be authenticated. */
  readonly room?: string;
}

/**
 * The revocations that decisions of this instance can still meet. Each is kept until no decision that began before it can be pending,
 * and until its bar has ended.
 */
export class Revocations {
  readonly #keepMs: number;
  readonly #byName = new Map<string, Revocation[]>();
  readonly #ids = new Map<string, number>();
  #nextSweep = 0;

  /** `keepMs`: how long a decision can take. */
  constructor(keepMs: number) {
    this.#keepMs = keepMs;
  }

  /** Returns false if this revocation is known. */
  add(revocation: Revocation, now: number): boolean {
    this.#sweep(now);
    const knownUntil = this.#ids.get(revocation.id);
    this.#ids.set(revocation.id, Math.max(knownUntil ?? 0, revocation.knownUntil));
    if (knownUntil !== undefined) return false;
    const key = keyOf(revocation.who);
    this.#byName.set(key, [...(this.#byName.get(key) ?? []), revocation]);
    return true;
  }

  /** Whether the access that this decision would give was withdrawn. */
  denies(decision: Decision, now: number): boolean {
    if (this.#byName.size === 0) return false;
    const { client, identity } = decision;
    const { user, session } = identity;
    return (
      this.#denies({ kind: 'user', name: user }, decision, now) ||
      (session !== undefined && this.#denies({ kind: 'session', name: session }, decision, now)) ||
      this.#denies({ kind: 'id', name: client }, decision, now)
    );
  }

  /** The bars of these clients that apply now: of all access, and of this room or of any. */
  barsOf(named: readonly KnownWho[], room: string | undefined, now: number): (Revocation & { barredUntil: number })[] {
    const found = named.flatMap((who) => this.#byName.get(keyOf(who)) ?? []);
    return found.filter((it): it is Revocation & { barredUntil: number } => {
      return isBar(it, now) && (room === undefined || it.room === undefined || it.room === room);
    });
  }

  #denies(who: KnownWho, { identity, beganAt, room }: Decision, now: number): boolean {
    const found = this.#byName.get(keyOf(who));
    return (
      found?.some((it) => it.room === room && concerns(it, identity) && (beganAt < it.at || isBar(it, now))) === true
    );
  }

  /** Once a second at most, because a program may revoke the access of thousands one after another. */
  #sweep(now: number): void {
    if (now < this.#nextSweep) return;
    this.#nextSweep = now + 1_000;
    for (const [id, until] of this.#ids) if (until <= now) this.#ids.delete(id);
    for (const [key, all] of this.#byName) {
      const kept = all.filter((it) => now < it.at + this.#keepMs || isBar(it, now));
      if (kept.length === 0) this.#byName.delete(key);
      else if (kept.length < all.length) this.#byName.set(key, kept);
    }
  }
}

/** Whether a revocation is about this identity of the named client. */
export function concerns({ issuedBefore }: Revocation, identity: KnownIdentity | undefined): boolean {
  return issuedBefore === undefined || (identity !== undefined && identity.issuedAt < issuedBefore);
}

function isBar({ barredUntil }: Revocation, now: number): boolean {
  return barredUntil !== undefined && now < barredUntil;
}

function keyOf({ kind, name }: KnownWho): string {
  return `${kind}:${name}`;
}
