import { SETTING } from '../../support/setting.js';
import { ADMITTED, type MixClient } from './client.js';
import type { Expected, Modelled } from './model.js';
import type { MixReport } from './words.js';

/** How a client's connection ended. */
export type Ending = 'stands' | 'ended by the program' | 'ended by the peer';

/** Differences from the model, as text. */
export function faultsOf(
  client: MixClient,
  ending: Ending,
  modelled: Modelled,
  reports: readonly MixReport[],
): string[] {
  const { client: k, plan } = client.visitor;
  const faults = [...client.faults];
  if (ending === 'stands' && client.ending !== undefined) faults.push(`was disconnected: ${client.ending}`);
  for (const [origin, expected] of (modelled.heard.get(k) ?? []).entries()) {
    const heard = client.heard.filter(([, n]) => originOf(n, plan.at, reports.length) === origin);
    faults.push(
      ...compare(heard, expected, ending === 'stands' || (origin === plan.at && hearsItsEnd(client, ending))),
    );
  }
  const late = (reports[plan.at]?.late ?? []).filter(([of]) => of === k).map(([, n]) => n);
  const wanted = modelled.late.get(k) ?? [];
  const nspOf = new Map(wanted.map(({ n, nsp }) => [n, nsp]));
  const calls = late.map((n) => [nspOf.get(n) ?? 0, n] as const);
  faults.push(...compare(calls, wanted, ending === 'stands').map((fault) => `its onAnyOutgoing: ${fault}`));
  const end = client.ending === undefined ? ending : `${ending}: ${client.ending}`;
  return faults.map((fault) => `client ${k} (${plan.way}, ${end}): ${fault}`);
}

/** Whether everything that was sent before its end must have arrived. */
function hearsItsEnd(client: MixClient, ending: Ending): boolean {
  if (ending !== 'ended by the program') return false;
  const { gated, plan } = client.visitor;
  // engine.io closes the new transport right after `upgrade`, so a client closed by a listener may miss its last
  // messages.
  if (!gated && SETTING.runtime === 'node' && plan.way === 'upgrade') return false;
  // Bun's engine removes a session at once, even with plain Socket.IO: a client that polls and posts at the same time
  // gets a 400 for its post, and drops the poll with the remaining packets. Node.js answers both.
  return !(SETTING.runtime === 'bun' && overPolling(client) && client.ending !== 'io server disconnect');
}

const overPolling = ({ visitor: { plan } }: MixClient): boolean => plan.way === 'polling' || plan.way === 'upgrade';

const originOf = (n: number, own: number, instances: number): number =>
  n === ADMITTED ? own : instances === 1 ? 0 : n % 2;

/** `whole`: nothing may be missing at the end. Otherwise only gaps are faults. */
function compare(
  heard: readonly (readonly [nsp: number, n: number])[],
  expected: readonly Expected[],
  whole: boolean,
): string[] {
  const faults: string[] = [];
  const places = new Map(expected.map(({ n }, place) => [n, place]));
  const seen = new Set<number>();
  let last = -1;
  for (const [nsp, n] of heard) {
    const place = places.get(n);
    const one = place === undefined ? undefined : expected[place];
    if (place === undefined || one === undefined) faults.push(`${n} came, which nobody sent`);
    else if (seen.has(n)) faults.push(`${n} came twice`);
    else if (one.share === 'never') faults.push(`${n} came, which is not for it${wordsOf(one)}`);
    else if (one.nsp !== nsp) faults.push(`${n} came in another namespace${wordsOf(one)}`);
    else if (place < last) faults.push(`${n} came after ${expected[last]?.n}${wordsOf(one)}`);
    last = Math.max(last, place ?? -1);
    seen.add(n);
  }
  const due = whole ? expected : expected.slice(0, last + 1);
  const missing = due.filter(({ share, n }) => share === 'must' && !seen.has(n));
  const [first] = missing;
  if (first !== undefined) {
    faults.push(
      `${missing.length} of ${due.length} are missing: ${missing.slice(0, 5).map(({ n }) => n)}${wordsOf(first)}`,
    );
  }
  return faults.slice(0, 5);
}

const wordsOf = ({ what }: Expected): string => (what === undefined ? '' : `: ${JSON.stringify(what)}`);

/** Each client that received a question must answer it once. */
export function wrongAnswers(modelled: Modelled, reports: readonly MixReport[]): string[] {
  const faults: string[] = [];
  const given = reports.map(({ answers }) => answers);
  for (const answers of given) {
    for (const [n, { times }] of Object.entries(answers))
      if (times > 1) faults.push(`${n} was answered ${times} times`);
  }
  for (const [n, wanted] of awaited(modelled)) {
    const of = given.map((answers) => answers[n]?.of).find((it) => it !== undefined);
    const got = JSON.stringify([of].flat().map(numberOf).sort());
    if (got !== JSON.stringify([...wanted].sort())) faults.push(`${n} was answered by ${got} instead of ${wanted}`);
  }
  return faults;
}

/** The client that an answer names: a number, or the single byte of a buffer. */
function numberOf(answer: unknown): unknown {
  return typeof answer === 'object' && answer !== null ? (answer as { data: number[] }).data?.[0] : answer;
}

/** The questions whose answers must arrive: all clients that were asked are still connected. */
export function awaited(modelled: Modelled): (readonly [n: number, clients: readonly number[]])[] {
  return [...modelled.answers].filter(([, clients]) => !clients.some((client) => modelled.over.has(client)));
}
