// npm test: node
// npm run test:matrix: newest-node
import { expect, it } from 'vitest';
import { eventually } from '../support/facts.js';
import { connectAuthenticated, startServer } from '../support/server.js';

it('the end of a client is noticed also where the program took all listeners off its socket', async () => {
  const { helper, url } = await startServer();
  const client = await connectAuthenticated(url);
  helper.getClients({ id: client.socket.id ?? '' })?.socket.removeAllListeners();
  client.socket.disconnect();
  await eventually(() => expect(helper.getClients().size).toBe(0));
});
