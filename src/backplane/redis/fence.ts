import { call } from './acl.js';
import { isForbidden, type RedisConnection } from './client.js';
import type { ReportOnce } from './report-once.js';

interface ConnectionIdentity {
  /** The id of the Redis process. Each process numbers its clients from the start. */
  readonly runId: string;
  readonly client: number;
}

const UNFENCED = 'when a connection to Redis is replaced, messages may arrive out of order once';
const UNNAMED = 'the connection has no name in the CLIENT LIST of Redis';

/**
 * A paused Redis, or a paused network, still holds commands of an earlier connection, and would execute them after the commands of
 * its successor. So the earlier connection is killed in Redis before its successor sends anything.
 */
export class Fence {
  readonly #name: string;
  readonly #reportOnce: ReportOnce;
  #predecessor: ConnectionIdentity | undefined;

  /** `name`: the name of the connections in Redis' list of clients. */
  constructor(name: string, reportOnce: ReportOnce) {
    this.#name = name;
    this.#reportOnce = reportOnce;
  }

  /** Kills the predecessor in Redis, so that none of its commands run later. Rejects if this connection fails too. */
  async killPredecessor(client: RedisConnection): Promise<void> {
    const identity = await this.#identify(client);
    // In another Redis process the number of the predecessor belongs to another client.
    if (identity !== undefined && identity.runId === this.#predecessor?.runId) {
      await this.#kill(client, this.#predecessor.client);
    }
    this.#predecessor = identity;
  }

  async #identify(client: RedisConnection): Promise<ConnectionIdentity | undefined> {
    const [info, id] = await Promise.all([
      this.#ask('INFO', UNFENCED, call(client, 'info', 'server')),
      this.#ask('CLIENT ID', UNFENCED, call(client, 'client', 'id')),
      // ioredis sends this command too, but hides a refusal.
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
