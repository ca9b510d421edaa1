import { burst } from '../measure.mjs';
import { cpu, LATENCY } from './metrics.mjs';

/** One instance sends, all clients are on another, connected by a Redis. */
export default {
  name: 'two-instances',
  title: 'Two instances through Redis: one sends, the clients are on the other',
  quick: false,
  base: 'plain-redis',
  variants: 'plain-redis,roomgate-redis,roomgate-bun-redis,ignis',
  metrics: [
    { ...cpu('delivery'), label: 'us of CPU of the receiving instance per delivery' },
    { key: 'sender', label: 'us of CPU of the sending instance per message', digits: 1, ratio: true },
    ...LATENCY,
  ],
  // With few clients there are enough messages to measure the cost of sending one.
  settings: () => [
    { clients: 1_000, perTicks: [1, 10, 100], deliveries: 150_000 },
    { clients: 10, perTicks: [10], deliveries: 200_000 },
  ],
  async measure({ start, load }, { clients, perTicks, deliveries }) {
    const receiver = await start({}, 0);
    const server = await start({}, 1);
    await load.ask('open', { port: receiver.port, clients });
    const rows = [];
    for (const perTick of perTicks) {
      const ticks = Math.max(3, Math.ceil(deliveries / clients / perTick));
      const values = await burst({ server, receiver, load, work: { ticks, perTick, size: 128, members: clients } });
      if (clients > 10) values.sender = undefined;
      rows.push({ cell: `${clients} clients, 128 B, ${perTick} per tick`, ...values });
    }
    return rows;
  },
};
