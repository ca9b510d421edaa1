import { Broken, between, pause } from '../measure.mjs';
import { BUSY, cpu } from './metrics.mjs';

const SECONDS = 3;

/** The event `ping` to every client, repeatedly: Roomgate's keep-alive compared with a timer for each client. */
export default {
  name: 'keep-alive',
  title: 'Keep-alive: the event ping to each client',
  quick: false,
  variants: 'plain,roomgate,roomgate-bun,ignis,nest,bun-engine',
  metrics: [cpu('ping'), { key: 'heap', label: 'KB of heap per client', digits: 2, ratio: true }, ...BUSY],
  settings: () => [{ clients: 1_000, pingInterval: 200 }],
  async measure({ start, load }, { clients, pingInterval }) {
    const server = await start({ pingInterval });
    const empty = await server.ask('collect');
    await load.ask('open', { port: server.port, clients });
    await pause(1_000);
    const full = await server.ask('collect');
    await load.ask('reset');
    const before = await server.ask('report');
    await pause(SECONDS * 1_000);
    const after = await server.ask('report');
    const { pings, busy } = await load.ask('result');
    const expected = (SECONDS * 1_000 * clients) / pingInterval;
    if (Math.abs(pings - expected) > expected / 10) throw new Broken(`${pings} instead of ${expected} pings arrived`);
    const heap = (full.heap + full.external - empty.heap - empty.external) / clients / 1_024;
    return [{ cell: `${clients} clients, every ${pingInterval} ms`, ...between(before, after, pings), heap, busy }];
  },
};
