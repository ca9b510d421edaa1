import { createHash } from 'node:crypto';
import { RateLimiterMemory, RateLimiterRedis } from 'rate-limiter-flexible';
import { within } from '../../common/within.js';
import type { RateState, SharedRate, SharedRateOptions } from '../../ports/backplane/shared-rate.js';
import { ANSWER_MS, waitMsOf } from '../rate-outcome.js';
import { isForbidden, isReplyOf, SILENT } from './client.js';
import { keyBeside } from './key-beside.js';
import type { ReportOnce } from './report-once.js';

export interface RedisRateOptions {
  readonly rate: SharedRateOptions;
  /** The key of the sorted set of the instances: the counters are in the same slot of a cluster. */
  readonly beside: string;
  /** Rejects while Redis is unreachable. */
  readonly command: (name: string, ...args: (string | number)[]) => Promise<unknown>;
  readonly reportOnce: ReportOnce;
}

const ALONE = 'this instance counts a limit of all instances by itself; it needs +evalsha +eval +set +incrby +pttl';

/** Which command of the script is refused, Redis does not say before version 7.2. */
const REFUSED_IN_SCRIPT = ['ERR The user executing the script', 'ERR ACL failure in script'];

/** Counts in Redis, or in the memory of this instance while Redis is away. One key for each user that is counted. */
export class RedisRate implements SharedRate {
  readonly #limiter: RateLimiterRedis;
  readonly #client: LimiterClient;

  constructor(options: RedisRateOptions) {
    const { name, points, seconds: duration } = options.rate;
    this.#client = new LimiterClient(options);
    this.#limiter = new RateLimiterRedis({
      storeClient: this.#client,
      keyPrefix: keyBeside(options.beside, name),
      points,
      duration,
      insuranceLimiter: new RateLimiterMemory({ points, duration }),
    });
  }

  async use(key: string, points: number): Promise<RateState> {
    // Names of users may be long, and contain anything, also what is no valid UTF-8.
    const hashed = createHash('sha256').update(key, 'utf16le').digest('base64url');
    const waitMs = await waitMsOf(this.#limiter.consume(hashed, points));
    return { waitMs, isShared: this.#client.isAnswered };
  }
}

/** The part of a client of ioredis that the limiter uses: it defines a command by a script, and calls it with a key and arguments. */
class LimiterClient {
  /** Whether Redis executed the latest command. */
  isAnswered = true;
  readonly #options: RedisRateOptions;

  constructor(options: RedisRateOptions) {
    this.#options = options;
  }

  defineCommand(name: string, { lua }: { readonly lua: string }): void {
    const sha = createHash('sha1').update(lua).digest('hex');
    const value = (args: readonly (string | number)[]) => this.#answer(this.#run(lua, sha, args));
    Object.defineProperty(this, name, { value });
  }

  /** A later answer is ignored, and so is what Redis counted for it. */
  async #answer(reply: Promise<unknown>): Promise<unknown> {
    try {
      const result = await within(reply, ANSWER_MS, SILENT);
      this.isAnswered = true;
      return result;
    } catch (error) {
      this.isAnswered = false;
      if (isForbidden(error) || isReplyOf(error, ...REFUSED_IN_SCRIPT))
        this.#options.reportOnce('EVALSHA', ALONE, error);
      throw error;
    }
  }

  async #run(lua: string, sha: string, args: readonly (string | number)[]): Promise<unknown> {
    const { command } = this.#options;
    try {
      return await command('evalsha', sha, 1, ...args);
    } catch (error) {
      if (!isReplyOf(error, 'NOSCRIPT')) throw error;
      return command('eval', lua, 1, ...args);
    }
  }
}
