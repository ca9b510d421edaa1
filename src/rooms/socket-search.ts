import { isName, namesIn } from '../common/instance-messages.js';
import type { Bus } from '../ports/backplane/bus.js';

/** Where a socket is: on another instance, on no living instance, or unknown, because some instance did not answer in time. */
export type IdOwner = 'elsewhere' | 'nowhere' | 'unanswered';

/** The topic of this question. In version 0.1 it was the only topic, so its name does not mention sockets. */
const TOPIC = 'ask';
/** Most ids in one question. */
const MOST_IDS = 1_000;

/** Asks the other instances which socket ids they have, and answers them. */
export class SocketSearch {
  readonly #bus: Bus;

  /** Create it before the backplane opens, so that no instance waits for an answer. `hasSocket`: whether this instance has the socket. */
  constructor(bus: Bus, hasSocket: (id: string) => boolean) {
    this.#bus = bus;
    bus.answer(TOPIC, ({ ids }) => ({ has: namesIn(ids, MOST_IDS).filter((id) => hasSocket(id)) }));
  }

  /** Never rejects. Resolves within `timeoutMs`, earlier if all ids were found or every instance has answered. */
  async find(ids: readonly string[], timeoutMs: number): Promise<ReadonlyMap<string, IdOwner>> {
    // A name that `isName` rejects is no socket id, so nothing is asked.
    const owners = new Map(ids.map((id): [string, IdOwner] => [id, 'nowhere']));
    const names = [...owners.keys()].filter(isName);
    const chunks: string[][] = [];
    for (let i = 0; i < names.length; i += MOST_IDS) chunks.push(names.slice(i, i + MOST_IDS));
    for (const found of await Promise.all(chunks.map((chunk) => this.#ask(chunk, timeoutMs)))) {
      for (const [id, owner] of found) owners.set(id, owner);
    }
    return owners;
  }

  async #ask(ids: readonly string[], timeoutMs: number): Promise<ReadonlyMap<string, IdOwner>> {
    const asked = new Set(ids);
    const found = new Set<string>();
    const { complete } = await this.#bus.ask({
      topic: TOPIC,
      question: { ids },
      timeoutMs,
      read: ({ has }) => {
        for (const id of namesIn(has, MOST_IDS)) if (asked.has(id)) found.add(id);
      },
      isEnough: () => found.size === asked.size,
    });
    const otherwise: IdOwner = complete ? 'nowhere' : 'unanswered';
    return new Map(ids.map((id) => [id, found.has(id) ? 'elsewhere' : otherwise]));
  }
}
