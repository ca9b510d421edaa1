// npm test: node
// npm run test:matrix: newest-node
import { describe, expect, it } from 'vitest';
import { connect, connectAuthenticated, listen, startServer } from '../support/server.js';

describe('shutdown()', () => {
  it('takes nobody in while it runs', async () => {
    const { helper, url } = await startServer();
    const client = await connectAuthenticated(url, { transports: ['polling'] });
    const done = helper.shutdown();
    const late = connect(url, { transports: ['polling'] });
    await late.heardOf('connect_error');
    await done;
    expect(await client.heardOf('disconnect')).toBeDefined();
    expect(late.heard.map(([event]) => event)).toEqual(['connect_error']);
  });
});

describe('an http server', () => {
  it('that listens already is attached to, and goes on serving the program', async () => {
    const { createServer } = await import('node:http');
    const { http, url } = await listen(createServer((_, response) => response.end('from the program')));
    const { helper } = await startServer({ server: http, serverOptions: { path: '/io' } });
    expect(await (await fetch(`${url}/anything`)).text()).toBe('from the program');
    const client = await connectAuthenticated(url, { path: '/io' });
    expect(helper.getClients().has(client.socket.id ?? '')).toBe(true);
  });
});
