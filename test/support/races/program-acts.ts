import type { Choice, Held, Scene } from './choice.js';
import type { Client, Who } from './client.js';
import { textOf } from './messages.js';
import type { Destination, Revoked } from './model.js';

/** The instance that a pause or a cut of the network concerns. */
const OTHER = 1;
const NAME_OF_OTHER = 'races-1';

/** What the program does with users, sessions and rooms on all instances; and the network between them. */
export class ProgramActs {
  readonly #scene: Scene;

  constructor(scene: Scene) {
    this.#scene = scene;
  }

  by(instance: number, user: string, room: string): Choice[] {
    const { dice, model } = this.#scene;
    const ids = model.living.flatMap(({ id }) => (id === undefined ? [] : [id]));
    const id = ids.length === 0 ? undefined : dice.pick(ids, 'id');
    const session: Who = { kind: 'session', name: `${user}-${dice.pick([1, 2], 'session of who')}` };
    const whos: Who[] = [{ kind: 'user', name: user }, session];
    if (id !== undefined) whos.push({ kind: 'id', name: id });
    const who = dice.pick(whos, 'who');
    return [
      ...[{ room }, undefined, who].map((to) => this.sending(instance, to)),
      ...this.#revocations(instance, who, room),
      this.#joining(instance, user, room),
      this.revalidating(instance, undefined, room),
      this.revalidating(instance, user, undefined),
      this.revalidating(instance, user, room),
    ];
  }

  // Messages

  sending(instance: number, to: Destination): Choice {
    const { messages, stage } = this.#scene;
    let after: (() => void) | undefined;
    return {
      name: `${instance} sends to ${this.#shown(to)}`,
      weight: to === undefined ? 0.5 : 1,
      act: () => {
        after = messages.send(stage, instance, to, this.#listeners(instance, to));
      },
      after: () => after?.(),
    };
  }

  /** The clients that must hear a message now. */
  #listeners(from: number, to: Destination): readonly Client[] {
    const { model, network } = this.#scene;
    const reached = network.state === 'open' ? [0, 1] : [from];
    return reached.flatMap((it) => model.of(it)).filter((client) => model.mayHear(client, to));
  }

  // Access

  #revocations(instance: number, who: Who, room: string): Choice[] {
    const { taste, dice } = this.#scene;
    if (!this.mayRevoke(instance)) return [];
    const barFor = who.kind === 'id' ? 0 : dice.pick([500, 20_000], 'bar');
    const issuedBefore = Date.now() - dice.pick([0, 0, 10, 1_000], 'issued before');
    return [
      this.revoking(instance, { who, weight: 0.3 * taste('revoke') }),
      this.revoking(instance, { who, issuedBefore, weight: 0.4 * taste('revoke') }),
      this.revoking(instance, { who, room, weight: taste('revoke room') }),
      this.revoking(instance, { who, room, issuedBefore, weight: 0.3 * taste('revoke room') }),
      this.revoking(instance, { who, barFor, weight: 0.2 * taste('revoke') }),
      this.revoking(instance, { who, room, barFor, weight: 0.3 * taste('revoke room') }),
    ].filter(({ name }, at, all) => all.findIndex((it) => it.name === name) === at);
  }

  /** An instance that is cut off tries again for some seconds: the model does not know when it succeeds. */
  mayRevoke(instance: number): boolean {
    return this.#scene.network.state !== 'cut' || instance !== OTHER;
  }

  revoking(
    instance: number,
    given: { who: Who; room?: string; issuedBefore?: number; barFor?: number; weight: number },
  ): Choice {
    const { stage, model } = this.#scene;
    const { who, room, issuedBefore, barFor = 0, weight } = given;
    const parts = [
      room === undefined ? '' : ` in ${room}`,
      issuedBefore === undefined ? '' : `, issued ${Date.now() - issuedBefore} ms ago`,
      barFor === 0 ? '' : `, for ${barFor} ms`,
    ];
    return {
      name: `${instance} revokes ${this.#shown(who)}${parts.join('')}`,
      weight,
      before: () => {
        const called = performance.now();
        this.#everywhere(instance, 'kept', (it, wasCut) => {
          const at = wasCut ? called : performance.now();
          const revoked: Revoked = { instance: it, who, room, issuedBefore, at, barredUntil: at + barFor };
          model.revoke(barFor === 0 ? { ...revoked, barredUntil: 0 } : revoked);
        });
      },
      act: () => {
        const which = { [who.kind]: who.name } as { user: string };
        const more = {
          ...(room === undefined ? {} : { room }),
          ...(barFor === 0 ? {} : { barFor }),
          ...(issuedBefore === undefined ? {} : { issuedBefore }),
        };
        void stage.helper(instance).revoke({ ...which, ...more });
      },
    };
  }

  #joining(instance: number, user: string, room: string): Choice {
    const { stage, model, taste } = this.#scene;
    return {
      name: `${instance} joins ${user} to ${room}`,
      weight: 0.3 * taste('joinRooms'),
      before: () =>
        this.#everywhere(instance, 'lost', (it) => {
          for (const client of model.of(it, { kind: 'user', name: user })) {
            if (client.state === 'in') model.programJoins(client, room);
          }
        }),
      act: () => void stage.helper(instance).joinRooms({ user, rooms: [room] }),
    };
  }

  revalidating(instance: number, user: string | undefined, room: string | undefined): Choice {
    const { stage, model, taste } = this.#scene;
    return {
      name: `${instance} revalidates ${[user, room].filter((it) => it !== undefined).join(' in ')}`,
      weight: 0.7 * taste('revalidate'),
      before: () => this.#everywhere(instance, 'lost', (it) => model.revalidate(it, user, room)),
      act: () => {
        const which = { ...(user === undefined ? {} : { user }), ...(room === undefined ? {} : { room }) };
        void stage.helper(instance).revalidate(which);
      },
    };
  }

  /** On this instance now, and on the other one when it hears of it. `kept`: even if it is cut off. */
  #everywhere(instance: number, kind: 'kept' | 'lost', act: (instance: number, wasCut: boolean) => void): void {
    const { network } = this.#scene;
    const other = 1 - instance;
    act(instance, false);
    if (network.state === 'open') act(other, false);
    else {
      const wasCut = network.state === 'cut';
      const held: Held = { to: other, act: () => act(other, wasCut), isKept: kind === 'kept' };
      if (!wasCut || held.isKept) network.held.push(held);
    }
  }

  // The network

  interrupting(state: 'paused' | 'cut'): Choice {
    const { network, stage, taste } = this.#scene;
    return {
      name: state === 'paused' ? 'the network pauses' : `the network cuts ${OTHER} off`,
      weight: 0.5 * taste('network'),
      act: () => {
        network.state = state;
        if (state === 'paused') stage.network.pause(NAME_OF_OTHER);
        else stage.network.cut(NAME_OF_OTHER);
      },
    };
  }

  healing(): Choice {
    const { network, stage, messages } = this.#scene;
    return {
      name: 'the network works again',
      weight: 3,
      before: () => {
        network.state = 'open';
        messages.addGrace();
        // An instance stores a revocation before it tells the other one, so that waits twice.
        const isStored = ({ to, isKept }: Held): boolean => isKept && to !== OTHER;
        const { held } = network;
        for (const { act } of [...held.filter((it) => !isStored(it)), ...held.filter(isStored)]) {
          act();
          messages.addGrace();
        }
        network.held = [];
      },
      act: () => stage.network.heal(NAME_OF_OTHER),
      after: () => messages.endGrace(),
    };
  }

  /** The name of a client instead of the id of its socket, which differs each time. */
  #shown(to: Destination): string {
    if (to === undefined || !('kind' in to) || to.kind !== 'id') return textOf(to);
    const found = [...this.#scene.model.clients.values()].find(({ id }) => id === to.name);
    return `the socket of ${found?.wire}`;
  }
}
