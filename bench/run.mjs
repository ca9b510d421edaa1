// `npm run bench -- [--quick] [--only a,b] [--variants a,b] [--rounds 5] [--name x]`
import { parseArgs } from 'node:util';
import { environment } from './environment.mjs';
import { startProgram } from './program.mjs';
import { startRedis } from './redis.mjs';
import { publish, store } from './results.mjs';
import { scenarios } from './scenarios/index.mjs';
import { printTables, summarize } from './table.mjs';
import { missing, parseVariants } from './variants.mjs';

const QUICK = 'plain,roomgate,bun-native';
const FULL = 'plain,plain-redis,roomgate,roomgate-bun,ignis,nest,ws,bun-native,bun-engine';

const { values: given } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    only: { type: 'string' },
    variants: { type: 'string' },
    rounds: { type: 'string' },
    name: { type: 'string' },
    clients: { type: 'string' },
    size: { type: 'string' },
    'per-tick': { type: 'string' },
    deliveries: { type: 'string' },
    kinds: { type: 'string' },
    seconds: { type: 'string' },
  },
});
const rounds = Number(given.rounds ?? (given.quick ? 3 : 5));
const quick = given.quick;
const numbers = (text) => text?.split(',').map(Number);
const narrow = {
  clients: numbers(given.clients),
  sizes: numbers(given.size),
  perTicks: numbers(given['per-tick']),
  deliveries: numbers(given.deliveries)?.[0],
  kinds: given.kinds?.split(','),
  seconds: numbers(given.seconds)?.[0],
};

function chosen() {
  const names = given.only?.split(',');
  for (const name of names ?? []) {
    if (!scenarios.some((scenario) => scenario.name === name)) {
      throw new Error(`no scenario "${name}"; there are ${scenarios.map((scenario) => scenario.name).join(', ')}`);
    }
  }
  return scenarios.filter((scenario) => (names ? names.includes(scenario.name) : !quick || scenario.quick !== false));
}

/** Measures one variant once, with a new server and a new load, both stopped afterwards. */
async function once(scenario, variant, setting) {
  const why = missing(variant);
  if (why) return [{ cell: undefined, broken: why }];
  const programs = [];
  const start = async (more = {}, core = 0) => {
    const redis = variant.redis ? { redis: await startRedis() } : {};
    const settings = { ...variant.settings, ...redis, ...more };
    const server = await startProgram(`servers/${variant.file}.mjs`, settings, { core, bun: variant.bun });
    programs.push(server);
    return server;
  };
  try {
    const load = await startProgram('load/load.mjs', {}, { core: 1 });
    programs.push(load);
    return await scenario.measure({ start, load, variant }, setting);
  } catch (error) {
    return [{ cell: undefined, broken: error.message }];
  } finally {
    for (const program of programs) await program.stop();
  }
}

/** Measures every variant once per round; each round begins with another variant. */
async function measured(scenario, variants, setting, count) {
  const rows = [];
  for (let round = 0; round < count; round++) {
    const first = round % variants.length;
    for (const variant of [...variants.slice(first), ...variants.slice(0, first)]) {
      process.stderr.write(`${scenario.name} ${JSON.stringify(setting)} round ${round + 1}/${count} ${variant.name}\n`);
      const all = await once(scenario, variant, setting);
      rows.push(...all.map((row) => ({ round, variant: variant.name, title: variant.title, ...row })));
    }
  }
  return rows;
}

const partial = [given.only, given.variants, ...Object.values(narrow)].some(Boolean);
const name = given.name ?? (quick ? 'quick' : partial ? 'partial' : 'last');

for (const scenario of chosen()) {
  const variants = parseVariants(given.variants ?? (quick ? QUICK : (scenario.variants ?? FULL)));
  const count = Math.min(rounds, scenario.rounds ?? rounds);
  const rows = [];
  for (const setting of scenario.settings({ quick, ...narrow })) {
    rows.push(...(await measured(scenario, variants, setting, count)));
  }
  const table = summarize(scenario, rows);
  const { title, metrics } = scenario;
  const all = store(name, {
    name: scenario.name,
    title,
    environment: environment(),
    rounds: count,
    metrics,
    table,
    rows,
  });
  if (name === 'last') await publish(all);
  printTables(scenario, table);
}
