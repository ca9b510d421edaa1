import { Broken, emptied, pause } from '../measure.mjs';

const METRICS = [
  { key: 'heap', label: 'KB of heap', digits: 2, ratio: true },
  { key: 'rss', label: 'KB of RSS', digits: 1, ratio: true },
];

/**
 * Memory of an idle authenticated client: after a garbage collection, in a process that has served some clients
 * before.
 */
async function measure({ start, load }, { clients, byPolling }) {
  const server = await start();
  const open = async (count) => {
    const { error } = await load.ask('open', { port: server.port, clients: count, byPolling }, 120_000);
    if (error) throw new Broken(error);
  };
  await open(200);
  await load.ask('close');
  await emptied(server);
  const before = await server.ask('collect');
  await open(clients);
  await pause(1_000);
  const after = await server.ask('collect');
  const each = (key) => (after[key] - before[key]) / clients / 1_024;
  return [{ cell: `${clients} clients`, heap: each('heap') + each('external'), rss: each('rss') }];
}

export const idle = {
  name: 'idle',
  title: 'Memory per idle authenticated client',
  quick: false,
  metrics: METRICS,
  settings: ({ clients = [3_000] }) => clients.map((count) => ({ clients: count })),
  measure,
};

export const idleUpgraded = {
  name: 'idle-upgraded',
  title: 'Memory per idle authenticated client that began with polling',
  quick: false,
  variants: 'plain,roomgate',
  metrics: METRICS,
  settings: ({ clients = [3_000] }) => clients.map((count) => ({ clients: count, byPolling: true })),
  measure,
};
