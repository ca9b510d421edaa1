// npm test: node, bun
// npm run test:matrix: node+redis, bun+redis, newest-node, newest-node+redis, oldest-bun, oldest-bun+redis
import { describe, expect, it } from 'vitest';
import { eventually, within } from '../support/facts.js';
import { rawPolling } from '../support/raw.js';
import { SETTING } from '../support/setting.js';
import { enter, type Serving, serve } from './program.js';
import {
  enterPolling,
  enterWebSocket,
  expectTooSlow,
  floodAll,
  isGone,
  numbersIn,
  numbersOf,
  upTo,
} from './slow-flood.js';

const HANDLERS: readonly (readonly [string, Serving])[] =
  SETTING.runtime === 'bun'
    ? [
        ['served by handler(), taken after configure()', { handlers: 'late' }],
        ['served by handler(), taken before configure()', { handlers: 'early' }],
        ['served by handlers that are written by hand', { handlers: 'written' }],
      ]
    : [['on Node.js', {}]];

describe.each(HANDLERS)('a client that stops reading, %s', (_, serving) => {
  it('is disconnected, its messages have no gap, and other clients receive everything', async () => {
    const server = await serve({ serving });
    const slow = await enterWebSocket(server);
    const witness = await enter(server.url);
    const poller = await enter(server.url, { transports: ['polling'] });
    slow.pauseReading();
    const flood = floodAll(server, witness, poller);
    await flood.until(() => isGone(server, slow.id));
    // Small messages would still fit into the buffer, behind one that did not.
    await server.run(({ helper }, first) => {
      for (let n = first; n < first + 50; n++) helper.send({ payload: { topic: 'n', data: [n] } });
    }, flood.sent);
    slow.resumeReading();
    await within(slow.closed, 'the end of the connection', 10_000);

    const heard = numbersIn(slow.frames.all);
    expect(heard).toEqual(upTo(heard.length));
    // Otherwise nothing was buffered, and the test has proved nothing.
    expect(heard.length).toBeLessThan(flood.sent);
    for (const client of [witness, poller]) {
      await eventually(() => expect(numbersOf(client)).toEqual(upTo(flood.sent + 50)), { timeout: 10_000 });
      expect(client.socket.connected).toBe(true);
    }
    await expectTooSlow(server, `client ${slow.id}`);
  });

  it('is disconnected over polling, too', async () => {
    const server = await serve({ serving });
    const slow = await enterPolling(server);
    const witness = await enter(server.url);
    const flood = floodAll(server, witness);
    await flood.until(() => isGone(server, slow.id));
    await expect(slow.next(() => false)).rejects.toThrow('400');
    expect(numbersOf(witness)).toEqual(upTo(flood.sent));
    await expectTooSlow(server, `client ${slow.id}`);
  });

  it('is disconnected by the ping timeout if it stops polling and nothing is sent to it', async () => {
    const options = () => ({ serverOptions: { pingInterval: 1_000, pingTimeout: 3_000 } });
    const server = await serve({ options, serving });
    const polling = await rawPolling(server.url);
    await polling.connect('/', { token: 'good' });
    await server.holdsNobody();
    await expectTooSlow(server);
  });

  it('does not affect clients that read, over each transport', async () => {
    const server = await serve({ serving });
    const polling = await enterPolling(server);
    await server.run(
      ({ helper }, id) => helper.send({ destination: id, payload: { topic: 'x', data: 1 } }),
      polling.id,
    );
    expect(await polling.next((packet) => packet.startsWith('42["x"'))).toBe('42["x",1]');
    await enterWebSocket(server);
  });
});
