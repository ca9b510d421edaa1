import type { Redis } from 'ioredis';

const PREFIX = 'chat:ruling:';

interface Ruling {
  /** The reason, which the page shows. */
  text: string;
  /** In milliseconds since 1970. Undefined: until the operator ends it. */
  endsAt?: number | undefined;
}

/** The keys of rulings. */
export const banOf = (name: string): string => `ban:${name}`;
export const closureOf = (room: string): string => `closed:${room}`;

/**
 * What the operator decided, for all instances: who is banned, and which rooms are closed. Redis keeps it. While Redis is
 * unreachable, an instance continues with what it has seen.
 */
export class Rulings {
  readonly #redis: Redis | undefined;
  readonly #seen = new Map<string, Ruling>();

  constructor(redis: Redis | undefined) {
    this.#redis = redis;
  }

  /** @throws while Redis is unreachable, because then the other instances would not know. */
  async add(key: string, ruling: Ruling): Promise<void> {
    const value = JSON.stringify(ruling);
    if (ruling.endsAt === undefined) await this.#redis?.set(PREFIX + key, value);
    else await this.#redis?.set(PREFIX + key, value, 'PXAT', ruling.endsAt);
    this.#seen.set(key, ruling);
  }

  /** @throws while Redis is unreachable. */
  async remove(key: string): Promise<void> {
    await this.#redis?.del(PREFIX + key);
    this.#seen.delete(key);
  }

  /** The text of a ruling that is in force. Never rejects. */
  async find(key: string): Promise<string | undefined> {
    try {
      const stored = await this.#redis?.get(PREFIX + key);
      if (stored === null) this.#seen.delete(key);
      else if (stored !== undefined) this.#seen.set(key, JSON.parse(stored));
    } catch {
      // Redis is unreachable.
    }
    const { text, endsAt = Number.POSITIVE_INFINITY } = this.#seen.get(key) ?? {};
    return endsAt > Date.now() ? text : undefined;
  }
}
