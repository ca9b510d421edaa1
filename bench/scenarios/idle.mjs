import { emptied, pause } from '../measure.mjs';

/** What an authenticated client that does nothing holds: after a collection, in a process that has served a few before. */
export default {
  name: 'idle',
  title: 'Memory per idle authenticated client',
  quick: false,
  metrics: [
    { key: 'heap', label: 'KB of heap', digits: 2, ratio: true },
    { key: 'rss', label: 'KB of RSS', digits: 1, ratio: true },
  ],
  settings: () => [{ clients: 3_000 }],
  async measure({ start, load }, { clients }) {
    const server = await start();
    await load.ask('open', { port: server.port, clients: 200 });
    await load.ask('close');
    await emptied(server);
    const before = await server.ask('collect');
    await load.ask('open', { port: server.port, clients });
    await pause(1_000);
    const after = await server.ask('collect');
    const each = (key) => (after[key] - before[key]) / clients / 1_024;
    return [{ cell: `${clients} clients`, heap: each('heap') + each('external'), rss: each('rss') }];
  },
};
