import { type Calls, isJoin, isOutdated } from './calls.js';
import type { Choice, Scene } from './choice.js';
import type { Client } from './client.js';
import type { ClientActs } from './client-acts.js';
import { ROOMS } from './model.js';
import type { ProgramActs } from './program-acts.js';

const MOST_GUARDS = 3;
/** Promises that settle between two events of one tick, at most: more than a verdict needs until it is acted on. */
const LONGEST_GAP = 12;

export interface Acts {
  readonly scene: Scene;
  readonly calls: Calls;
  readonly clients: ClientActs;
  readonly program: ProgramActs;
}

/** Several guards of an instance answer in one tick, and something else happens in it. Undefined if no guard is being asked. */
export function together(acts: Acts): Choice | undefined {
  const { scene, calls } = acts;
  const { dice, taste } = scene;
  const guards = [...calls.open].filter(({ call, client }) => call.kind === 'guard' && client.state === 'in');
  if (guards.length === 0) return undefined;
  const { client, of } = dice.pick(guards, 'guard of the tick');
  const orderOf = ({ at }: { readonly at: number }): number => dice.number(`order ${at}`);
  const answering = guards
    .filter((it) => it.client.instance === client.instance)
    .sort((one, other) => orderOf(one) - orderOf(other))
    .slice(0, 1 + dice.below(MOST_GUARDS, 'guards'));
  const rechecks = answering.filter((open) => !isJoin(open)).length;
  const settles = answering
    // The test does not know whether a recheck is in time to outdate the next answer to a join too.
    .filter((open) => !isJoin(open) || rechecks === 0 || (rechecks === 1 && !isOutdated(open)))
    .flatMap((open) => calls.guard(open)[dice.number(`fails ${open.at}`) < 0.1 ? 1 : 0] ?? []);
  const rooms = of === undefined ? ROOMS : of.rooms;
  const last = lastOf(acts, client, dice.pick(rooms.length === 0 ? ROOMS : rooms, 'room of the tick'), rechecks > 0);
  if (settles.length + (last === undefined ? 0 : 1) < 2) return undefined;
  // What is withheld depends on the order of these events. The test does not know it if promises settle between them.
  const isExact = guards.some((it) => it.client.withheld.size > 0) || last?.isExact === true;
  const gaps = settles.map((_, at) => (isExact ? 0 : dice.below(LONGEST_GAP, `gap ${at}`)));
  return {
    name: `in one tick: ${[...settles, ...(last === undefined ? [] : [last.choice])].map(({ name }) => name).join(' | ')} (${gaps})`,
    weight: 6 * taste('together'),
    before: () => last?.choice.before?.(),
    act: async () => {
      calls.isUnordered = !isExact;
      for (const [at, settle] of settles.entries()) {
        void settle.act();
        for (let gap = gaps[at] ?? 0; gap > 0; gap--) await Promise.resolve();
      }
      void last?.choice.act();
    },
    after: () => {
      calls.isUnordered = false;
      for (const { after } of settles) after?.();
      last?.choice.after?.();
    },
  };
}

/** The last event of the tick. The model gets it first: no verdict of the tick outlives it. `isExact`: nothing may come between. */
function lastOf(
  { scene, clients, program }: Acts,
  client: Client,
  room: string,
  hasRecheck: boolean,
): { choice: Choice; isExact: boolean } | undefined {
  const { identity, instance } = client;
  const kind = scene.dice.below(8, 'last of the tick');
  // Socket.IO handles a packet in a later tick.
  if (kind === 0 && client.withheld.size === 0) return { choice: clients.leaving(client, room), isExact: false };
  if (kind === 1) return { choice: clients.removing(client, room), isExact: false };
  if (kind === 2) return { choice: clients.kick(client), isExact: false };
  if (identity === undefined) return undefined;
  const who = { kind: 'user', name: identity.user } as const;
  if (kind === 3 && program.mayRevoke(instance))
    return { choice: program.revoking(instance, { who, room, weight: 1 }), isExact: false };
  if (hasRecheck) return undefined;
  if (kind === 4) return { choice: program.revalidating(instance, identity.user, undefined), isExact: true };
  if (kind === 5) return { choice: program.revalidating(instance, undefined, room), isExact: true };
  return undefined;
}
