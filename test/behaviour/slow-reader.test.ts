import { describe, expect, it } from 'vitest';
import { eventually, within } from '../support/facts.js';
import { rawPolling, rawWebSocket } from '../support/raw.js';
import { SETTING } from '../support/setting.js';
import { type IServing, serve } from './program.js';

/** More than the buffers of two kernels and those of Bun take, which are 16 MB. */
const FLOOD = { messages: 160, characters: 200_000 };

const HANDLERS: readonly (readonly [string, IServing])[] =
  SETTING.runtime === 'bun'
    ? [
        ['served by handler(), taken after configure()', { handlers: 'late' }],
        ['served by handler(), taken before configure()', { handlers: 'early' }],
        ['served by handlers that are written by hand', { handlers: 'written' }],
      ]
    : [['on Node.js', {}]];

describe.each(HANDLERS)('a client that stops reading, %s', (_, serving) => {
  // Node.js holds what waits until the peer is missed, and Bun drops past its limit.
  const options = () => ({ serverOptions: { pingInterval: 1_000, pingTimeout: 1_000 } });

  it('is disconnected, and what it got is the stream without a hole, also where it reads on', async () => {
    const server = await serve({ options, serving });
    const slow = await rawWebSocket(server.url);
    const quick = await rawWebSocket(server.url);
    const ids: string[] = [];
    for (const socket of [slow, quick]) {
      ids.push((await socket.connect('/', { token: 'good' })).sid);
      socket.emit('authenticate');
      await socket.event('authenticated');
    }
    slow.pauseReading();
    await server.run(async ({ helper }, { messages, characters }) => {
      for (let n = 0; n < messages; n++) {
        helper.send({ payload: { topic: 'n', data: [n, 'x'.repeat(characters)] } });
        if (n % 10 === 0) await new Promise((resolve) => setTimeout(resolve, 1));
      }
      // Small ones would still fit in, behind what did not.
      for (let n = messages; n < messages + 50; n++) helper.send({ payload: { topic: 'n', data: [n] } });
    }, FLOOD);
    await eventually(() => server.run(({ helper }, id = '') => helper.getClients({ id }) === undefined, ids[0]), {
      timeout: 10_000,
      what: 'the server has disconnected it',
    });
    slow.resumeReading();
    await within(slow.closed, 'the end of the connection', 10_000);

    const numbers = (frames: readonly (string | Buffer)[]): number[] =>
      frames
        .map((frame) => /^42\["n",\[(\d+)/.exec(String(frame))?.[1])
        .flatMap((n) => (n === undefined ? [] : [Number(n)]));
    const heard = numbers(slow.frames.all);
    expect(heard).toEqual(Array.from({ length: heard.length }, (_, n) => n));
    const all = Array.from({ length: FLOOD.messages + 50 }, (_, n) => n);
    await eventually(() => expect(numbers(quick.frames.all)).toEqual(all));
    expect(await server.run(({ helper }, id = '') => helper.getClients({ id })?.state, ids[1])).toBe('authenticated');

    const lines = await server.run(({ lines }) => lines.filter((line) => /^(warn|error)/.test(line)));
    if (SETTING.runtime === 'bun') {
      // Else nothing was dropped, and the test has seen nothing.
      expect(heard.length).toBeLessThan(all.length);
      expect(lines).toEqual([expect.stringContaining('slow')]);
    } else expect(lines).toEqual([]);
    expect(server.program.stderr).toBe('');
  });

  it('by polling, is disconnected once it is missed', async () => {
    const server = await serve({ options, serving });
    const polling = await rawPolling(server.url);
    await polling.connect('/', { token: 'good' });
    await server.holdsNobody();
  });

  it('serves whoever reads, over each transport', async () => {
    const server = await serve({ options, serving });
    const polling = await rawPolling(server.url);
    const { sid } = await polling.connect('/', { token: 'good' });
    await polling.emit('authenticate');
    await polling.next((packet) => packet.startsWith('42["authenticated"'));
    await server.run(({ helper }, id) => helper.send({ destination: id, payload: { topic: 'x', data: 1 } }), sid);
    expect(await polling.next((packet) => packet.startsWith('42["x"'))).toBe('42["x",1]');
    const socket = await rawWebSocket(server.url);
    await socket.connect('/', { token: 'good' });
    socket.emit('authenticate');
    await socket.event('authenticated');
  });
});
