import { burst } from '../measure.mjs';

const ALL = { sizes: [32, 128, 4_096], perTicks: [1, 10, 100] };

/** One room with everybody in it. */
export default {
  name: 'fan-out',
  title: 'Fan-out: one room with all clients in it',
  metrics: [
    { key: 'cpu', label: 'us of server CPU per delivery', digits: 2, ratio: true },
    { key: 'p50', label: 'p50 ms', digits: 1 },
    { key: 'p99', label: 'p99 ms', digits: 1 },
    { key: 'busy', label: 'load busy %', digits: 0 },
  ],
  settings: ({ quick }) =>
    quick
      ? [{ clients: 1_000, sizes: [128], perTicks: [1, 10, 100], deliveries: 60_000 }]
      : [100, 1_000, 5_000].map((clients) => ({ clients, ...ALL, deliveries: 150_000 })),
  async measure({ start, load }, { clients, sizes, perTicks, deliveries }) {
    const server = await start();
    await load.ask('open', { port: server.port, clients });
    const rows = [];
    for (const size of sizes) {
      for (const perTick of perTicks) {
        const ticks = Math.max(3, Math.ceil(deliveries / clients / perTick));
        const work = { ticks, perTick, size, members: clients };
        const values = await burst(server, load, work);
        rows.push({ cell: `${clients} clients, ${size} B, ${perTick} per tick`, ...values });
      }
    }
    return rows;
  },
};
