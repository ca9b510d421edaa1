import { Broken, between } from '../measure.mjs';
import { BUSY, cpu } from './metrics.mjs';

const CELLS = [
  { size: 130, ack: false },
  { size: 130, ack: true },
  { size: 4_096, ack: false },
  { size: 4_096, ack: true },
];

async function shouted(server, load, { clients, ticks, ...work }) {
  await load.ask('reset');
  await server.ask('inbound', { perTick: clients });
  const before = await server.ask('report');
  await load.ask('shout', { control: server.control, ticks, ...work }, 600_000);
  const after = await server.ask('report');
  const { messages, busy } = await load.ask('result');
  const expected = work.ack ? ticks * clients : 0;
  if (messages !== expected) throw new Broken(`${messages} of ${expected} answers arrived`);
  return { ...between(before, after, ticks * clients), busy };
}

/** Messages from clients: each sends one event per tick; a handler receives it, and answers if asked. */
export default {
  name: 'inbound',
  title: 'Inbound: one event from a client, up to its handler',
  variants: 'plain,roomgate,bun-engine,roomgate-bun',
  metrics: [cpu('event'), ...BUSY],
  settings: ({ quick }) => [{ clients: 100, ticks: quick ? 100 : 300 }],
  async measure({ start, load }, { clients, ticks }) {
    const server = await start();
    await load.ask('open', { port: server.port, clients });
    const rows = [];
    for (const { size, ack } of CELLS) {
      // As long as the measurement, so that it contains no compilation.
      await shouted(server, load, { clients, ticks, size, ack });
      await server.ask('collect');
      const values = await shouted(server, load, { clients, ticks, size, ack });
      rows.push({ cell: `${clients} clients, ${size} B, ${ack ? 'with' : 'without'} an acknowledgement`, ...values });
    }
    return rows;
  },
};
