import { Broken, between, unlessStalled } from '../measure.mjs';
import { cpu, LATENCY } from './metrics.mjs';

async function conversation(server, load, { clients, talkers, every, size }, times) {
  const expect = talkers * times * clients;
  await load.ask('reset');
  const before = await server.ask('report');
  await unlessStalled(load, expect, load.ask('talk', { talkers, every, times, size, expect }, 600_000));
  const after = await server.ask('report');
  const result = await load.ask('result');
  if (result.messages !== expect) throw new Broken(`${result.messages} of ${expect} messages arrived`);
  const { p50, p99, busy } = result;
  return { ...between(before, after, expect), p50, p99, busy };
}

/** Each client's messages go to all. Talkers keep their pace, so the delay grows if a server can't keep up. */
export default {
  name: 'chat',
  title: 'Chat: each message of a client is sent to all',
  metrics: [cpu('delivery'), ...LATENCY],
  settings: ({ quick }) => [{ clients: 200, talkers: 50, every: 10, times: quick ? 20 : 100, size: 128 }],
  async measure({ start, load }, setting) {
    const server = await start();
    await load.ask('open', { port: server.port, clients: setting.clients });
    await conversation(server, load, setting, Math.ceil(setting.times / 4));
    await server.ask('collect');
    const { talkers, clients, every } = setting;
    const values = await conversation(server, load, setting, setting.times);
    return [{ cell: `${talkers} talkers, each every ${every} ms, ${clients} listeners`, ...values }];
  },
};
