// npm test: node, bun
// npm run test:matrix: node+redis, bun+redis, newest-node, newest-node+redis, oldest-bun, oldest-bun+redis
import { expect, it } from 'vitest';
import { eventually } from '../support/facts.js';
import { enter, heardOn, idOf, serve } from './program.js';

/** Enough clients that writing to all of them takes long enough to delay the next flush. */
const LISTENERS = 120;
const TALKERS = 12;
const TIMES = 40;

it('every member of a busy room receives every message once, in order, until its connection ends', async () => {
  const server = await serve({
    options: (inside) => ({
      clientConnectedFn: ({ socket }) => {
        let said = 0;
        socket.on('say', () => {
          const mark = `${socket.id} ${said++}`;
          // Both a direct message and a broadcast to the same connection.
          socket.emit('note', `to itself: ${mark}`);
          inside.io.emit('note', mark);
        });
        // The last message, between those of other clients.
        socket.on('go', () => {
          socket.emit('note', 'goodbye');
          socket.disconnect(true);
        });
      },
    }),
  });
  const clients = await Promise.all(
    Array.from({ length: LISTENERS }, () => enter(server.url, { transports: ['websocket'] })),
  );
  const ids = clients.map(idOf);
  const talkers = clients.slice(0, TALKERS);
  const leaver = clients.at(-1);
  // One packet per write, like independent clients.
  for (let n = 0; n < TIMES; n++) {
    for (const { socket } of talkers) socket.emit('say');
    if (n === TIMES / 2) leaver?.socket.emit('go');
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
  }
  const staying = clients.slice(0, -1);
  const said = talkers.flatMap((_, k) => Array.from({ length: TIMES }, (_, n) => `${ids[k]} ${n}`));
  const toAll = (client: (typeof clients)[number]): string[] =>
    (heardOn(client, 'note') as string[]).filter((text) => !text.startsWith('to itself'));
  await eventually(() => staying.every((client) => toAll(client).length >= said.length), {
    timeout: 30_000,
    what: 'all of it',
  });

  const first = toAll(staying[0] as (typeof clients)[number]);
  expect([...first].sort()).toEqual([...said].sort());
  for (const client of staying) expect(toAll(client)).toEqual(first);
  for (const [k, client] of talkers.entries()) {
    const heard = heardOn(client, 'note') as string[];
    const own = heard.filter((text) => text.endsWith(`${ids[k]} ${text.split(' ').at(-1)}`));
    const expected = Array.from({ length: TIMES }, (_, n) => [`to itself: ${ids[k]} ${n}`, `${ids[k]} ${n}`]);
    expect(own).toEqual(expected.flat());
  }
  await eventually(() => heardOn(leaver as (typeof clients)[number], 'disconnect').length === 1, { what: 'the end' });
  const heardByLeaver = toAll(leaver as (typeof clients)[number]);
  expect(heardByLeaver.at(-1)).toBe('goodbye');
  expect(heardByLeaver.slice(0, -1)).toEqual(first.slice(0, heardByLeaver.length - 1));
});
