import { pause } from '../measure.mjs';
import { startProgram } from '../program.mjs';

const KINDS = [
  ...['events', 'acknowledged', 'acknowledgements', 'rooms', 'namespaces', 'pings', 'large', 'posts'],
  ...['strangers', 'connects', 'sessions', 'slow'],
];
/** The prober's events: one every 10 ms. */
const EVERY_MS = 10;
const SAMPLE_MS = 250;

/** Memory of which something is in use: RSS also contains garbage, and what the runtime keeps for later. */
const referred = ({ heap, external }) => heap + external;

/** Asks for the memory of the server until `stop()`, which resolves to the most. */
function watchMemory(server) {
  let most = 0;
  let isOver = false;
  const watch = async () => {
    while (!isOver) {
      most = Math.max(most, (await server.ask('report', {}, 120_000)).rss);
      await pause(SAMPLE_MS);
    }
  };
  const watching = watch();
  return async () => {
    isOver = true;
    await watching;
    return most;
  };
}

/** Flooders in one process, an honest client in another: how long its events take to be answered, before and meanwhile. */
export default {
  name: 'floods',
  title: 'Floods: an acknowledged event of an honest client meanwhile',
  quick: false,
  rounds: 1,
  variants: 'plain,roomgate',
  metrics: [
    { key: 'idle99', label: 'p99 ms idle', digits: 1, spread: true },
    { key: 'p50', label: 'p50 ms', digits: 1 },
    { key: 'p99', label: 'p99 ms', digits: 1, spread: true },
    { key: 'worst', label: 'worst ms', digits: 1 },
    { key: 'held', label: 'MB held more', digits: 1, spread: true },
    { key: 'growth', label: 'MB of RSS more', digits: 0, spread: true },
    { key: 'closed', label: 'flooders closed', digits: 0 },
    { key: 'serverBusy', label: 'server busy %', digits: 0 },
  ],
  settings: ({ clients, kinds, seconds }) =>
    (kinds ?? KINDS).map((kind) => ({ kind, clients: clients?.[0] ?? 50, seconds: seconds ?? 10 })),
  async measure({ start, load }, { kind, clients, seconds }) {
    const server = await start();
    const prober = await startProgram('load/load.mjs', {}, { core: 1 });
    try {
      await prober.ask('open', { port: server.port, clients: 1 });
      const ms = seconds * 1_000;
      const idle = await prober.ask('probe', { every: EVERY_MS, ms: ms / 2 });
      const before = await server.ask('collect');
      await load.ask('flood', { port: server.port, kind, clients });
      const memory = watchMemory(server);
      await pause(500);
      // Plain Socket.IO would take minutes for one answer.
      const until = new Promise((resolve) => setTimeout(resolve, 3 * ms, { p50: 3 * ms, p99: 3 * ms, worst: 3 * ms }));
      const began = await server.ask('report', {}, 120_000);
      const values = await Promise.race([prober.ask('probe', { every: EVERY_MS, ms }, 600_000), until]);
      const after = await server.ask('report', {}, 120_000);
      const held = await server.ask('collect', {}, 120_000);
      const { closed } = await load.ask('calm');
      const rss = await memory();
      return [
        {
          cell: `${clients} flooders, ${kind}`,
          idle99: idle.p99,
          ...values,
          held: (referred(held) - referred(before)) / 1e6,
          growth: (rss - before.rss) / 1e6,
          closed,
          serverBusy: (after.cpu - began.cpu) / (after.at - began.at) / 10,
        },
      ];
    } finally {
      await prober.stop();
    }
  },
};
