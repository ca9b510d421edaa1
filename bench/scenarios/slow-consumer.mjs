import { burst } from '../measure.mjs';
import { BUSY } from './metrics.mjs';

// Large messages, because bytes matter here, and 100 MB for each of 1 000 clients already take a minute.
const SIZE = 65_536;
const PER_TICK = 4;

const held = ({ heap, external }) => heap + external;

/** One client stops reading while its room continues: the server's memory for it, and the effect on the others. */
export default {
  name: 'slow-consumer',
  title: 'Slow consumer: one client stops reading while its room continues',
  quick: false,
  rounds: 1,
  variants: 'plain,roomgate,roomgate-bun,nest,ws,bun-native,bun-engine',
  metrics: [
    { key: 'growth', label: 'MB of heap and external more', digits: 1, spread: true },
    { key: 'rss', label: 'MB of RSS more', digits: 0 },
    { key: 'gone', label: 'slow one disconnected', digits: 0 },
    { key: 'calm99', label: 'p99 ms before', digits: 1 },
    { key: 'p50', label: 'p50 ms of the others', digits: 1 },
    { key: 'p99', label: 'p99 ms of the others', digits: 1 },
    ...BUSY,
  ],
  settings: ({ clients }) => (clients ?? [1_000]).map((count) => ({ clients: count, megabytes: 100 })),
  async measure({ start, load }, { clients, megabytes }) {
    const server = await start();
    await load.ask('open', { port: server.port, clients });
    const work = { ticks: 10, perTick: PER_TICK, size: SIZE, members: clients };
    const calm = await burst({ server, load, work });
    const before = await server.ask('collect');
    await load.ask('pause', { index: clients - 1 });
    const ticks = Math.ceil((megabytes * 1e6) / SIZE / PER_TICK);
    const values = await burst({
      server,
      load,
      work: { ...work, ticks, members: clients - 1, slow: true, cold: true },
    });
    const after = await server.ask('collect');
    return [
      {
        cell: `1 of ${clients} clients, ${megabytes} MB`,
        growth: (held(after) - held(before)) / 1e6,
        rss: (after.rss - before.rss) / 1e6,
        gone: clients - after.clients,
        calm99: calm.p99,
        p50: values.p50,
        p99: values.p99,
        busy: values.busy,
        serverBusy: values.serverBusy,
      },
    ];
  },
};
