import type { Served } from '../program.js';
import { MixClient } from './client.js';
import { awaited, type Ending, faultsOf, wrongAnswers } from './compare.js';
import { play } from './model.js';
import type { ClientPlan, PeerAct, Phase, Plan, Step } from './plan.js';
import type { Mix, MixReport } from './words.js';

/** Servers of one cluster, with `createMix` installed. */
export interface Theatre {
  readonly servers: readonly Served[];
  /** Whether clients must authenticate. */
  readonly gated: boolean;
  /** The number of barriers that each has received. */
  barriers: number;
  runs: number;
}

/** Plain Socket.IO has no log lines. */
type Speaker = { lines?: readonly string[] };
type Inside = { memory: Record<string, unknown> };

const WIRED: readonly PeerAct[] = ['pause', 'reset', 'fin'];
const ENDINGS: readonly PeerAct[] = ['close', 'reset', 'fin'];

/** Plays a plan, and throws on any difference from the model. */
export async function perform(theatre: Theatre, plan: Plan): Promise<void> {
  const { servers, gated } = theatre;
  theatre.runs += 1;
  const run = `run-${theatre.runs}`;
  const clients = plan.clients.map((one, client) => {
    const wired = plan.phases.some((phase) => 'peer' in phase && phase.client === client && WIRED.includes(phase.peer));
    return new MixClient({ run, client, plan: one, gated, wired });
  });
  try {
    await Promise.all(
      servers.map((server, origin) =>
        server.run(({ memory }: Inside, options) => (memory.mix as Mix).begin(options), { name: run, origin, gated }),
      ),
    );
    await Promise.all(clients.map((client) => client.start(servers[client.visitor.plan.at]?.url ?? '')));
    const ids = clients.map((client) => client.ids);
    await Promise.all(servers.map((it) => it.run(({ memory }: Inside, of) => (memory.mix as Mix).know(of), ids)));
    const lost = new Set<number>();
    for (const phase of plan.phases) await act(theatre, phase, clients, lost);
    for (const client of clients) if (client.visitor.wired) client.act('resume');
    await judge(theatre, clients, lost);
  } finally {
    for (const client of clients) client.stop();
    await Promise.all(servers.map((server) => server.run(({ memory }: Inside) => (memory.mix as Mix).clear())));
  }
}

async function act(theatre: Theatre, phase: Phase, clients: readonly MixClient[], lost: Set<number>): Promise<void> {
  if ('run' in phase) {
    await steps(theatre, phase.run);
    return;
  }
  const client = clients[phase.client];
  if (client === undefined) return;
  if (ENDINGS.includes(phase.peer)) lost.add(phase.client);
  if (phase.peer === 'poke') client.poke(phase.acts);
  else if (phase.peer === 'upgraded') await client.upgrade();
  else client.act(phase.peer);
}

async function steps(theatre: Theatre, lists: readonly (readonly Step[])[]): Promise<void> {
  const { servers } = theatre;
  await Promise.all(
    servers.map((server, at) => server.run(({ memory }: Inside, of) => (memory.mix as Mix).run(of), lists[at] ?? [])),
  );
  if (servers.length === 1) return;
  theatre.barriers += 1;
  const { barriers } = theatre;
  await Promise.all(
    servers.map((server) => server.run(({ memory }: Inside, heard) => (memory.mix as Mix).barrier(heard), barriers)),
  );
}

/** Waits until every sequence is complete, and compares it. */
async function judge(theatre: Theatre, clients: readonly MixClient[], lost: ReadonlySet<number>): Promise<void> {
  const { servers } = theatre;
  const standing = clients.filter(({ visitor }) => !lost.has(visitor.client));
  const late = new Map<MixClient, string>();
  const each = (of: readonly MixClient[], wait: (client: MixClient) => Promise<void>): Promise<unknown> =>
    Promise.all(of.map((one) => wait(one).catch((error: Error) => late.set(one, error.message))));
  await each(standing, (client) => client.poked());
  await Promise.all(servers.map((server) => server.run(({ memory }: Inside) => (memory.mix as Mix).stop())));
  // Acts caused by peers may have published messages.
  if (servers.length > 1) await steps(theatre, []);
  const before = play(plansOf(clients), await reportsOf(theatre, []));
  const isOver = ({ visitor }: MixClient): boolean => before.over.has(visitor.client);
  const marks = await mark(
    theatre,
    standing.filter((client) => !isOver(client)),
    before,
  );
  await each(standing, (client) => {
    if (isOver(client)) return client.until(() => client.ending !== undefined, 'its end');
    return client.marked(marks.get(client.visitor.client) ?? []);
  });
  const modelled = { ...before, over: new Set([...before.over, ...lost]) };
  const reports = await reportsOf(theatre, []);
  const endingOf = (client: MixClient): Ending => {
    if (lost.has(client.visitor.client)) return 'ended by the peer';
    return isOver(client) ? 'ended by the program' : 'stands';
  };
  const faults = clients.flatMap((client) => faultsOf(client, endingOf(client), modelled, reports));
  faults.push(...before.faults);
  faults.push(...late.values());
  // Clients that received everything have answered. If messages are missing, their answers may never come.
  if (faults.length === 0) {
    const due = awaited(modelled).map(([n]) => n);
    faults.push(...wrongAnswers(modelled, await reportsOf(theatre, due)));
  }
  for (const { program } of servers) if (program.stderr !== '') faults.push(`stderr: ${program.stderr}`);
  if (faults.length === 0) return;
  const said = await Promise.all(servers.map((server) => server.run(({ lines }: Speaker) => lines?.slice(-10) ?? [])));
  throw new Error([...faults.slice(0, 20), 'what the servers said last:', ...said.flat()].join('\n'));
}

const plansOf = (clients: readonly MixClient[]): ClientPlan[] => clients.map(({ visitor }) => visitor.plan);

/**
 * Sends each client a last message from every instance that sent it anything: behind it nothing is in flight. Resolves
 * to the expected marks of each client.
 */
async function mark(
  { servers, gated }: Theatre,
  clients: readonly MixClient[],
  { heard }: ReturnType<typeof play>,
): Promise<ReadonlyMap<number, readonly string[]>> {
  const across = (client: MixClient): (readonly [client: number, nsp: number])[] => {
    const { plan, client: k } = client.visitor;
    if (servers.length === 1) return [];
    const isIn = !gated || plan.admitted || heard.get(k)?.some((of) => of.some(({ what }) => what === undefined));
    return [...(isIn ? [[k, 0] as const] : []), ...(plan.other ? [[k, 1] as const] : [])];
  };
  await Promise.all(
    servers.map((server, at) => {
      const own = clients.filter(({ visitor }) => visitor.plan.at === at).map(({ visitor }) => visitor.client);
      const others = clients.filter(({ visitor }) => visitor.plan.at !== at).flatMap(across);
      return server.run(({ memory }: Inside, ...args) => (memory.mix as Mix).marks(...args), own, others);
    }),
  );
  return new Map(
    clients.map((client) => [
      client.visitor.client,
      [`own ${client.visitor.plan.at}`, ...across(client).map(([, nsp]) => `other ${nsp}`)],
    ]),
  );
}

function reportsOf({ servers }: Theatre, due: readonly number[]): Promise<MixReport[]> {
  return Promise.all(
    servers.map((server, at) =>
      server.run(
        ({ memory }: Inside, numbers) => (memory.mix as Mix).report(numbers),
        servers.length === 1 ? due : due.filter((n) => n % 2 === at),
      ),
    ),
  );
}
