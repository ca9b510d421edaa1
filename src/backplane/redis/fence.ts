import { call } from './acl.js';
import { isForbidden, type RedisConnection } from './client.js';
import type { ReportOnce } from './report-once.js';

interface ConnectionIdentity {
  /** Of the Redis process: numbers of clients begin anew with it. */
  readonly runId: string;
  readonly client: number;
}

const UNFENCED = 'when a connection to Redis is replaced, messages may arrive out of order once';
const UNNAMED = 'the connection has no name in the CLIENT LIST of Redis';

/**
 * A Redis or a network that was stopped still holds what an earlier connection wrote, and would execute it after the commands
 * of its successor. So the earlier connection is killed, in Redis, before the successor sends anything.
 */
export class Fence {
  readonly #name: string;
  readonly #reportOnce: ReportOnce;
  #predecessor: ConnectionIdentity | undefined;

  /** `name`: of the connections, in Redis' list of clients. */
  constructor(name: string, reportOnce: ReportOnce) {
    this.#name = name;
    this.#reportOnce = reportOnce;
  }

  /** Ends the predecessor in Redis, which then executes nothing of it. Rejects if this connection fails, too. */
  async killPredecessor(client: RedisConnection): Promise<void> {
    const identity = await this.#identify(client);
    // Another Redis process never knew the predecessor: there the number belongs to another client.
    if (identity !== undefined && identity.runId === this.#predecessor?.runId) {
      await this.#kill(client, this.#predecessor.client);
    }
    this.#predecessor = identity;
  }

  async #identify(client: RedisConnection): Promise<ConnectionIdentity | undefined> {
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
      this.#reportOnce(command, consequence, error);
      return undefined;
    }
  }
}
