import type { BackplaneLocal, IdOwner } from '../../ports/backplane.js';
import { MOST_IDS, OpenQuestions } from '../open-questions.js';
import { parseAnswer, parseAsk, parseGoodbye } from '../questions.js';
import type { MemoryMember } from './memory-bus.js';

const ASK = 'ask';
const GOODBYE = 'goodbye';
const ANSWER_PREFIX = 'answer:';

/** What the instances on a `MemoryBus` ask each other. One that is cut off lives, and does not answer. */
export class MemoryInstances {
  readonly #member: MemoryMember;
  readonly #questions = new OpenQuestions({ living: () => this.#living(), ask: (ask, ids) => this.#ask(ask, ids) });

  constructor(member: MemoryMember, local: BackplaneLocal) {
    this.#member = member;
    member.subscribe(ASK, (message) => {
      const { ask, from, ids } = parseAsk(message, MOST_IDS);
      this.#say(`${ANSWER_PREFIX}${from}`, { ask, has: ids.filter((id) => local.hasSocket(id)) });
    });
    member.subscribe(`${ANSWER_PREFIX}${member.id}`, (message) => {
      const { ask, from, has } = parseAnswer(message, MOST_IDS);
      this.#questions.answered(ask, from, has);
    });
    member.subscribe(GOODBYE, (message) => this.#questions.left(parseGoodbye(message)));
  }

  /** See the port. Never rejects. */
  findSockets(ids: readonly string[], timeoutMs: number): Promise<ReadonlyMap<string, IdOwner>> {
    return this.#questions.findSockets(ids, timeoutMs);
  }

  /** Tells the others, so that none of them waits for this instance. */
  leave(): void {
    this.#questions.end();
    if (!this.#member.isAway) this.#say(GOODBYE, {});
  }

  async #living(): Promise<readonly string[]> {
    if (this.#member.isAway) throw new Error('The bus is away.');
    return this.#member.living;
  }

  async #ask(ask: string, ids: readonly string[]): Promise<void> {
    this.#say(ASK, { ask, ids });
  }

  #say(channel: string, words: object): void {
    this.#member.publish(channel, Buffer.from(JSON.stringify({ ...words, from: this.#member.id })));
  }
}
