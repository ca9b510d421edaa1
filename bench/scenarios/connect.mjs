import { between, emptied } from '../measure.mjs';
import { BUSY, cpu } from './metrics.mjs';

/** From the upgrade request to `authenticated`, 50 clients at a time. */
export default {
  name: 'connect',
  title: 'Connect and authenticate',
  metrics: [cpu('connection'), ...BUSY],
  settings: ({ quick }) => [{ clients: quick ? 600 : 2_000 }],
  async measure({ start, load }, { clients }) {
    const server = await start();
    await load.ask('open', { port: server.port, clients: clients / 2 });
    await load.ask('close');
    await emptied(server);
    const before = await server.ask('collect');
    await load.ask('reset');
    await load.ask('open', { port: server.port, clients });
    const after = await server.ask('report');
    const { busy } = await load.ask('result');
    return [{ cell: `${clients} connections`, ...between(before, after, clients), busy }];
  },
};
