import { RateLimiterMemory } from 'rate-limiter-flexible';
import { withinOr } from '../../common/within.js';
import type { RateState, SharedRate, SharedRateOptions } from '../../ports/backplane/shared-rate.js';
import { ANSWER_MS, waitMsOf } from '../rate-outcome.js';
import type { MemoryMember } from './memory-network.js';

/** Counts with the other instances of the network, or alone while this one is cut off. */
export class MemoryRate implements SharedRate {
  readonly #member: MemoryMember;
  readonly #shared: RateLimiterMemory;
  readonly #own: RateLimiterMemory;

  constructor(member: MemoryMember, { name, points, seconds: duration }: SharedRateOptions) {
    const create = (): RateLimiterMemory => new RateLimiterMemory({ keyPrefix: name, points, duration });
    this.#member = member;
    this.#shared = member.shared(`rate:${name}`, create);
    this.#own = create();
  }

  async use(key: string, points: number): Promise<RateState> {
    const isShared = await withinOr(this.#member.answered(), ANSWER_MS, false);
    const limiter = isShared ? this.#shared : this.#own;
    return { waitMs: await waitMsOf(limiter.consume(key, points)), isShared };
  }
}
