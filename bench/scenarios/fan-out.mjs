import { burst } from '../measure.mjs';
import { cpu, LATENCY } from './metrics.mjs';

/** One room with all clients. */
export default {
  name: 'fan-out',
  title: 'Fan-out: one room with all clients in it',
  metrics: [cpu('delivery'), ...LATENCY],
  // One setting per size, so that all variants of a cell are measured soon after each other.
  settings: ({ quick, clients, sizes, perTicks, deliveries }) =>
    (clients ?? (quick ? [1_000] : [100, 1_000, 5_000])).flatMap((count) =>
      (sizes ?? (quick ? [128] : [32, 128, 4_096])).map((size) => ({
        clients: count,
        size,
        perTicks: perTicks ?? [1, 10, 100],
        deliveries: deliveries ?? (quick ? 60_000 : 200_000),
        least: quick ? 2 : 3,
      })),
    ),
  async measure({ start, load }, { clients, size, perTicks, deliveries, least }) {
    const server = await start();
    await load.ask('open', { port: server.port, clients });
    const rows = [];
    for (const perTick of perTicks) {
      const ticks = Math.max(least, Math.ceil(deliveries / clients / perTick));
      const values = await burst({ server, load, work: { ticks, perTick, size, members: clients } });
      rows.push({ cell: `${clients} clients, ${size} B, ${perTick} per tick`, ...values });
    }
    return rows;
  },
};
