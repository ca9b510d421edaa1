import type { RedisLink } from './redis.js';

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
  readonly #redis: RedisLink | undefined;
  readonly #seen = new Map<string, Ruling>();

  constructor(redis: RedisLink | undefined) {
    this.#redis = redis;
  }

  /** @throws while Redis is unreachable, because then the other instances would not know. */
  async add(key: string, ruling: Ruling): Promise<void> {
    const value = JSON.stringify(ruling);
    const { endsAt } = ruling;
    await this.#redis?.run((client) =>
      endsAt === undefined ? client.set(PREFIX + key, value) : client.set(PREFIX + key, value, 'PXAT', endsAt),
    );
    this.#seen.set(key, ruling);
  }

  /** @throws while Redis is unreachable. */
  async remove(key: string): Promise<void> {
    await this.#redis?.run((client) => client.del(PREFIX + key));
    this.#seen.delete(key);
  }

  /** The text of a ruling that is in force. Never rejects. */
  async find(key: string): Promise<string | undefined> {
    await this.#refresh(key);
    const ruling = this.#seen.get(key);
    if (ruling?.endsAt === undefined || ruling.endsAt > Date.now()) return ruling?.text;
    this.#seen.delete(key);
    return undefined;
  }

  async #refresh(key: string): Promise<void> {
    if (this.#redis === undefined) return;
    try {
      const stored = await this.#redis.run((client) => client.get(PREFIX + key));
      if (stored === null) this.#seen.delete(key);
      else this.#seen.set(key, JSON.parse(stored) as Ruling);
    } catch {
      // Redis is unreachable.
    }
  }
}
