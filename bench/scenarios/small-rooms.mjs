import { burst, membersArrived } from '../measure.mjs';
import { cpu, LATENCY } from './metrics.mjs';

/**
 * Many rooms, each client in one of them: no messages can be combined for a client, so this shows the cost of each
 * send.
 */
export default {
  name: 'small-rooms',
  title: 'Many small rooms: one message to each room in a tick',
  metrics: [cpu('delivery'), ...LATENCY],
  settings: ({ quick }) => [quick ? { rooms: 100, members: 10, ticks: 40 } : { rooms: 1_000, members: 10, ticks: 12 }],
  async measure({ start, load }, { rooms, members, ticks }) {
    const server = await start();
    const clients = rooms * members;
    await load.ask('open', { port: server.port, clients, perRoom: members, rooms });
    const work = { ticks, perTick: 1, size: 128, rooms, members };
    await membersArrived(server, load, work);
    return [{ cell: `${rooms} rooms of ${members}`, ...(await burst({ server, load, work })) }];
  },
};
