// npm test: node
// npm run test:matrix: newest-node
import { createServer } from 'node:http';
import { describe, expect, it } from 'vitest';
import { SocketIOEmitterHelper } from '../../src/backplane/redis/emitter.js';
import { SocketIOComponent } from '../../src/server/component.js';
import type { Report } from '../../src/server/reports.js';
import { redisClient } from '../support/backplane.js';
import { track } from '../support/cleanup.js';
import { eventually, unusedPort } from '../support/facts.js';
import { LogLines } from '../support/log-lines.js';
import { connect, connectAuthenticated, listen, settled, startServer } from '../support/server.js';

/** The types, in order. */
function typesOf(reports: readonly Report[]): string[] {
  return reports.map(({ type }) => type);
}

describe('onReport of SocketIOServerHelper', () => {
  it('receives reports from configure() to shutdown(), even without a logger', async () => {
    const reports: Report[] = [];
    const { helper, url } = await startServer({ logger: false, onReport: (report) => reports.push(report) });
    const address = new URL(url).host;
    expect(reports).toEqual([
      { type: 'configured', path: '/socket.io', runtime: 'node', redis: false },
      { type: 'listening', path: '/socket.io', address },
    ]);

    const client = await connectAuthenticated(url);
    const id = client.socket.id ?? '';
    await client.socket.emitWithAck('join', { rooms: ['open/1', 'closed'] });
    helper.send({ destination: 'open/1', payload: { topic: 'news', data: 'the secret' }, doLog: true });
    await settled(client);
    client.socket.disconnect();
    await eventually(() => reports.at(-1)?.type === 'client_disconnected');
    await helper.shutdown();
    helper.send({ payload: { topic: 'late' } });

    expect(reports.slice(2)).toEqual([
      { type: 'client_connected', client: id },
      { type: 'client_authenticated', client: id },
      {
        ...{ type: 'rooms_refused', client: id, request: 'join', codes: ['not_allowed'] },
        rooms: [{ room: 'closed', code: 'not_allowed' }],
      },
      { type: 'rooms_joined', client: id, rooms: ['open/1'] },
      { type: 'message_sent', topic: 'news', destination: 'open/1' },
      { type: 'client_disconnected', client: id, reason: 'client namespace disconnect' },
      { type: 'shut_down', clients: 0, forced: false },
      { type: 'message_dropped', topic: 'late' },
    ]);
    expect(JSON.stringify(reports)).not.toMatch(/secret|good/);
  });

  it('that throws at each report has no other effect', async () => {
    const { helper, url, log } = await startServer({
      onReport: () => {
        throw new Error('the metrics are down');
      },
    });
    const client = await connectAuthenticated(url);
    expect(await client.socket.emitWithAck('join', { rooms: ['open/1'] })).toEqual({ joined: ['open/1'], refused: [] });
    helper.send({ destination: 'open/1', payload: { topic: 'news', data: 1 } });
    await settled(client);
    expect(client.heard).toContainEqual(['news', 1]);
    const refused = connect(url, { auth: { token: 'bad' } });
    refused.socket.emit('authenticate');
    await refused.heardOf('unauthenticated');
    await helper.shutdown();
    expect(log.loud).toEqual([expect.stringContaining('onReport failed: Error: the metrics are down')]);
  });

  it('may change the arrays of a report without an effect on clients', async () => {
    const { url } = await startServer({
      onReport: (report) => {
        if (report.type === 'rooms_joined') (report.rooms as string[]).length = 0;
      },
    });
    const client = await connectAuthenticated(url);
    expect(await client.socket.emitWithAck('join', { rooms: ['open/1'] })).toEqual({ joined: ['open/1'], refused: [] });
  });

  it('may disconnect a client, whose clientConnectedFn is then not called', async () => {
    const connected: string[] = [];
    const { helper, url } = await startServer({
      clientConnectedFn: ({ socket }) => connected.push(socket.id),
      onReport: (report) => {
        const client = report.type === 'client_authenticated' ? helper.getClients({ id: report.client }) : undefined;
        if (client !== undefined) helper.disconnect(client);
      },
    });
    const client = connect(url, { auth: { token: 'good' } });
    client.socket.emit('authenticate');
    await client.heardOf('disconnect');
    expect(client.heard.map(([event]) => event)).toEqual(['connect', 'ping', 'authenticated', 'disconnect']);
    expect(connected).toEqual([]);
  });
});

describe('onReport of SocketIOComponent', () => {
  it('receives the reports of the component and of its helper, as the log does', async () => {
    const reports: Report[] = [];
    const log = new LogLines();
    const component = new SocketIOComponent({
      authenticateFn: () => true,
      cors: { origin: 'https://app.example' },
      logger: log,
      onReport: (report) => reports.push(report),
    });
    track(component);
    const server = createServer();
    await component.start(server);
    const { url } = await listen(server);
    await fetch(`${url}/io/?EIO=4&transport=polling`, { headers: { origin: 'https://other.example' } });
    await component.stop();
    expect(typesOf(reports)).toEqual(['configured', 'listening', 'origin_refused', 'shut_down']);
    expect(log.lines).toHaveLength(4);
  });

  it('shares one limit of log lines', async () => {
    const log = new LogLines();
    const component = new SocketIOComponent({
      authenticateFn: () => true,
      cors: {
        origin: () => {
          throw new Error('cors');
        },
      },
      logger: log,
    });
    track(component);
    const server = createServer();
    await component.start(server);
    const { url } = await listen(server);
    await fetch(`${url}/io/?EIO=4&transport=polling`, { headers: { origin: 'https://other.example' } });
    const fail = (): void => {
      throw new Error('late');
    };
    for (let time = 0; time < 30; time++) component.helper.send({ payload: { topic: 'tick' }, cb: fail });
    await new Promise<void>((resolve) => component.helper.send({ payload: { topic: 'tick' }, cb: resolve }));
    const failures = () => log.loud.filter((line) => line.includes('failed'));
    expect(failures()[0]).toContain('cors.origin failed');
    expect(failures()).toHaveLength(20);
  });
});

describe('onReport of SocketIOEmitterHelper', () => {
  it('receives its reports', async () => {
    const reports: Report[] = [];
    const helper = new SocketIOEmitterHelper({
      ...{ identifier: 'worker', logger: false, redisConnection: redisClient(await unusedPort()) },
      onReport: (report) => reports.push(report),
    });
    await helper.shutdown();
    helper.send({ payload: { topic: 'late' } });
    expect(reports).toEqual([{ type: 'message_dropped', topic: 'late' }]);
  });

  it('must be a function', async () => {
    const redisConnection = redisClient(await unusedPort());
    expect(
      () => new SocketIOEmitterHelper({ identifier: 'worker', redisConnection, onReport: 'log' as never }),
    ).toThrow('SocketIOEmitterHelper: option "onReport": expected a function, received a string.');
  });
});
