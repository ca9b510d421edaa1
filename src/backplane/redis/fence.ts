import { call } from './acl.js';
import { isForbidden, type RedisConnection } from './client.js';

/** Tells, once for each command, that Redis refused it and what is lost by that. */
export type Limited = (command: string, consequence: string, error: unknown) => void;

interface Passport {
  /** Of the Redis process: numbers of clients begin anew with it. */
  readonly runId: string;
  readonly client: number;
}

const UNFENCED = 'when a connection to Redis is replaced, messages may arrive out of order once';
const UNNAMED = 'the connection has no name in the CLIENT LIST of Redis';

/**
 * A Redis that was stopped, or a network that was, still holds what an earlier connection wrote, and would carry it out
 * after what its successor says. So the earlier one is killed, in Redis, before the successor says anything.
 */
export class Fence {
  readonly #name: string;
  readonly #limited: Limited;
  #predecessor: Passport | undefined;

  /** `name`: of the connections, in Redis' list of clients. */
  constructor(name: string, limited: Limited) {
    this.#name = name;
    this.#limited = limited;
  }

  /** After it nothing of the predecessor is carried out any more. Rejects when this connection is of no use either. */
  async pass(client: RedisConnection): Promise<void> {
    const passport = await this.#passportOf(client);
    // Another process never knew the predecessor: there the number is somebody else's.
    if (passport !== undefined && passport.runId === this.#predecessor?.runId) {
      await this.#kill(client, this.#predecessor.client);
    }
    this.#predecessor = passport;
  }

  async #passportOf(client: RedisConnection): Promise<Passport | undefined> {
    const [info, id] = await Promise.all([
      this.#ask('INFO', UNFENCED, call(client, 'info', 'server')),
      this.#ask('CLIENT ID', UNFENCED, call(client, 'client', 'id')),
      // ioredis sends it too, and hides a refusal.
      this.#ask('CLIENT SETNAME', UNNAMED, call(client, 'client', 'setname', this.#name)),
    ]);
    const runId = /^run_id:(\w+)/m.exec(String(info ?? ''))?.[1];
    return runId === undefined || id === undefined ? undefined : { runId, client: Number(id) };
  }

  async #kill(client: RedisConnection, id: number): Promise<void> {
    await this.#ask('CLIENT KILL', UNFENCED, call(client, 'client', 'kill', 'id', id));
  }

  async #ask(command: string, consequence: string, reply: Promise<unknown>): Promise<unknown> {
    try {
      return await reply;
    } catch (error) {
      if (!isForbidden(error)) throw error;
      this.#limited(command, consequence, error);
      return undefined;
    }
  }
}
