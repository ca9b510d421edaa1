// npm test: node, bun
// npm run test:matrix: node+redis, bun+redis, newest-node, newest-node+redis, oldest-bun, oldest-bun+redis
import { request } from 'node:http';
import { beforeAll, describe, expect, it } from 'vitest';
import { eventually, within } from '../support/facts.js';
import { rawWebSocket, type WebSocketPeer } from '../support/raw.js';
import { openPeer, TRANSPORTS } from './peers.js';
import { startVictim, type Victim } from './victim.js';

/** The maximum size of one message before authentication, in bytes. */
const MOST = 16 * 1024;
const LARGE = 'x'.repeat(100_000);
const HEAVY = Array.from({ length: 3_000 }, () => ({}));

let victim: Victim;

beforeAll(async () => {
  victim = await startVictim();
});

/** A binary event with its attachments. */
function binaryEvent(attachments: readonly Buffer[], { id = '', more = '' } = {}): (string | Buffer)[] {
  const placeholders = attachments.map((_, num) => `,{"_placeholder":true,"num":${num}}`).join('');
  return [`45${attachments.length}-${id}["echo"${more}${placeholders}]`, ...attachments];
}

const countEchoes = async (id: string) =>
  (await victim.call('heard', { id })).filter((each: string) => each === 'clientConnectedFn: onAny echo').length;

describe.each(TRANSPORTS)('before authentication, over %s', (transport) => {
  it('the server drops a message of more than 16 KB and keeps the connection', async () => {
    const peer = await openPeer(victim, transport, { verdict: 'yes' });
    await peer.send(`42["echo","${LARGE}"]`);
    await peer.send(`421["echo","${'x'.repeat(MOST)}"]`, '42["authenticate"]');
    await peer.heardUntil((frame) => frame.startsWith('42["authenticated"'), 'authenticated');
    await peer.send(`427["echo","${LARGE}"]`);
    await peer.heardUntil((frame) => frame.startsWith('437['), 'a large event after authentication');
    expect(await countEchoes(peer.sid)).toBe(1);
    await victim.unharmed();
  });

  it('the server drops an event with its attachments and reads the next packet', async () => {
    const peer = await openPeer(victim, transport, { verdict: 'yes' });
    const [small, large] = [Buffer.from([1]), Buffer.alloc(50_000, 1)];
    await peer.send(...binaryEvent([small]));
    await peer.send(...binaryEvent([large, small, large]));
    await peer.send(...binaryEvent([large, small], { more: `,"${LARGE}"` }));
    await peer.send(...binaryEvent([small], { more: `,${JSON.stringify(HEAVY)}` }), '42["authenticate"]');
    await peer.heardUntil((frame) => frame.startsWith('42["authenticated"'), 'authenticated');
    await peer.send(...binaryEvent([large], { id: '8' }));
    await peer.heardUntil((frame) => frame.startsWith('461-8['), 'an event with an attachment after authentication');
    expect(await countEchoes(peer.sid)).toBe(1);
    await victim.unharmed();
  });

  it('the server drops a message that takes more than 64 KB after parsing', async () => {
    const peer = await openPeer(victim, transport, { verdict: 'yes' });
    await peer.send(`42["authenticate",${JSON.stringify(HEAVY)}]`);
    expect(await peer.heardSoFar()).toEqual([]);
    await peer.send('42["authenticate"]');
    await peer.heardUntil((frame) => frame.startsWith('42["authenticated"'), 'authenticated');
    await victim.unharmed();
  });
});

describe('an acknowledgement with attachments from a client that is not authenticated', () => {
  const ask = (sid: string) => victim.call('ask', { id: sid });
  const askedIn = async (socket: WebSocketPeer) => {
    const frame = await socket.frames.next((it) => /^42\d+\["marker"/.test(String(it)));
    return /^42(\d+)/.exec(String(frame))?.[1];
  };

  it('arrives if it is small', async () => {
    const socket = await victim.webSocket();
    const { sid } = await socket.connect('/', { verdict: 'yes' });
    const answer = ask(sid);
    socket.send(`462-${await askedIn(socket)}[{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]`);
    socket.send(Buffer.from('one'));
    socket.send(Buffer.from('two'));
    expect(Buffer.from((await answer).data ?? []).toString()).toBe('one');
    await victim.unharmed();
  });

  it('is dropped above 16 KB with its attachments, and the next packet is read', async () => {
    for (const sizes of [
      [10_000, 10_000, 10],
      [20_000, 10],
      [10, 20_000],
    ]) {
      const socket = await victim.webSocket();
      await socket.connect('/', { verdict: 'yes' });
      const placeholders = sizes.map((_, num) => `{"_placeholder":true,"num":${num}}`).join();
      socket.send(`46${sizes.length}-1[${placeholders}]`);
      for (const size of sizes) socket.send(Buffer.alloc(size));
      socket.emit('authenticate');
      await socket.event('authenticated');
    }
    await victim.unharmed();
  });

  it('closes its connection if a text comes between the attachments or its head is invalid', async () => {
    for (const frames of [['461-1[{"_placeholder":true,"num":0}]', '42["authenticate"]'], ['460-1[]'], ['461-1{}']]) {
      const socket = await victim.webSocket();
      await socket.connect('/', { verdict: 'yes' });
      for (const frame of frames) socket.send(frame);
      await within(socket.closed, 'the end of the WebSocket');
      expect(socket.frames.all.some((it) => String(it).includes('timeout'))).toBe(false);
    }
    await victim.unharmed();
  });
});

it('an event is dropped if its attachments arrive after its client is authenticated', async () => {
  const socket = await victim.webSocket();
  const { sid } = await socket.connect('/', { verdict: 'waits' });
  const [header = '', ...attachments] = binaryEvent([Buffer.from([1]), Buffer.alloc(50_000)]);
  socket.emit('authenticate');
  socket.send(header);
  await socket.ping();
  await victim.call('release');
  await socket.event('authenticated');
  for (const attachment of attachments) socket.send(attachment);
  socket.send('429["echo",1]');
  await socket.frames.next((frame) => String(frame).startsWith('439['));
  expect(await countEchoes(sid)).toBe(1);
  await victim.unharmed();
});

it('a large polling packet that is being read when its client is authenticated is dropped, and nothing else', async () => {
  const polling = await victim.polling();
  const { sid } = await polling.connect('/', { verdict: 'waits' });
  await polling.post('42["authenticate"]');
  const path = `/socket.io/?EIO=4&transport=polling&sid=${polling.sid}`;
  const post = request(new URL(path, victim.url), {
    method: 'POST',
    agent: false,
    headers: { 'content-type': 'text/plain' },
  });
  const answered = new Promise((resolve, reject) =>
    post.on('response', (answer) => resolve(answer.resume())).on('error', reject),
  );
  await new Promise<void>((resolve) => post.write(`42["echo","${LARGE}`, () => resolve()));
  // It has reached the server: the witnesses receive beats that were sent after it.
  await victim.beat();
  await victim.call('release');
  await polling.next((packet) => packet.startsWith('42["authenticated"'));
  post.end(`"]\x1e428["echo","behind"]\x1e429["echo","${LARGE}"]`);
  await within(answered, 'an answer to the POST');
  await polling.next((packet) => packet === '438["behind"]');
  await polling.next((packet) => packet.startsWith('439["xxx'));
  expect(await countEchoes(sid)).toBe(2);
  await victim.unharmed();
});

it('a client that a namespace of the program accepted has only the limits of an authenticated client', async () => {
  for (const open of [() => victim.webSocket(), () => victim.polling()]) {
    const peer = await open();
    await peer.connect('/other');
    const large = `42/other,6["large","${LARGE}"]`;
    await ('post' in peer ? peer.post(large) : peer.send(large));
    const isAnswer = (frame: string | Buffer): boolean => String(frame) === `43/other,6[${LARGE.length}]`;
    await ('post' in peer ? peer.next(isAnswer) : peer.frames.next(isAnswer));
  }
  await victim.unharmed();
});

describe('an auth that is too large', () => {
  it.each([
    ['more than 16 KB', LARGE],
    ['more than 64 KB once it is parsed', HEAVY],
  ])('is refused before authenticateFn is called: %s', async (_, junk) => {
    const asked = await victim.call('asked');
    await victim.call('lines');
    const socket = await victim.webSocket();
    await socket.connect('/', { verdict: 'yes', junk });
    socket.emit('authenticate');
    expect(await socket.event('unauthenticated')).toMatchObject([{ code: 'refused' }]);
    const polling = await victim.polling();
    await polling.connect('/', { verdict: 'yes', junk });
    await polling.emit('authenticate');
    expect(await polling.next((packet) => packet.startsWith('42["unauth'))).toContain('"refused"');
    expect(await victim.call('asked')).toBe(asked);
    const lines: string[] = await victim.call('lines');
    expect(lines.filter((line) => line.includes('its auth is larger than 16384 bytes'))).toHaveLength(2);
    await victim.unharmed();
  });

  it('is answered with an error in a namespace of the program, and its connection stays open', async () => {
    const socket = await victim.webSocket();
    await socket.frames.next();
    socket.send(`40/other,${JSON.stringify({ junk: LARGE })}`);
    expect(await socket.frames.next()).toMatch(/^44\/other,\{"message":"auth: expected at most 16384 bytes/);
    socket.send('40/other,');
    expect(await socket.frames.next()).toMatch(/^40\/other,\{/);
    await victim.unharmed();
  });
});

it('30 oversized auths make the server hold little memory', async () => {
  const server = await startVictim({ witnesses: 0, options: { authenticateTimeout: 60_000 } });
  const attacks: ((socket: WebSocketPeer) => void)[] = [
    (socket) => socket.send(`40{"junk":[${'{},'.repeat(330_000)}1]}`),
    (socket) => {
      socket.send('40');
      socket.send(
        `4510-["secret"${Array.from({ length: 10 }, (_, num) => `,{"_placeholder":true,"num":${num}}`).join('')}]`,
      );
      for (let n = 0; n < 9; n++) socket.send(Buffer.alloc(990_000));
    },
    (socket) => {
      for (let n = 0; n < 60; n++) socket.send(`40{"junk":"${'x'.repeat(MOST - 100)}"}`);
    },
  ];
  for (const attack of attacks) {
    const before = await server.call('memory');
    const sockets = await Promise.all(Array.from({ length: 30 }, () => rawWebSocket(server.url)));
    for (const socket of sockets) attack(socket);
    // The server has read everything, or has closed the connection.
    await Promise.all(sockets.map((socket) => Promise.race([socket.ping(20_000), socket.closed])));
    // The allocator returns free memory with a delay.
    await eventually(async () => expect((await server.call('memory')) - before, String(attack)).toBeLessThan(60e6));
    for (const socket of sockets) socket.terminate();
  }
}, 120_000);

it('CONNECT packets with oversized auths create no more sockets than ordinary ones', async () => {
  const made = await victim.call('made');
  const connect = `40${JSON.stringify({ verdict: 'yes', junk: LARGE })}`;
  const socket = await victim.webSocket();
  for (let n = 0; n < 50; n++) socket.send(connect);
  await within(socket.closed, 'the end of the WebSocket');
  const polling = await victim.polling();
  await polling.post(...Array.from({ length: 9 }, () => connect));
  await expect(polling.next(() => false)).rejects.toThrow();
  expect((await victim.call('made')) - made).toBeLessThanOrEqual(2);
  await victim.unharmed();
});

it('an endless run of small events behind `authenticate` in one POST does not delay authentication', async () => {
  const polling = await victim.polling();
  await polling.connect('/', { verdict: 'yes' });
  const { status } = await polling.post('42["authenticate"]', ...Array.from({ length: 30_000 }, () => '42["echo",1]'));
  expect(status).toBe(200);
  await polling.next((packet) => packet.startsWith('42["authenticated"'));
  await victim.unharmed();
});

describe('more connections than `unauthenticatedConnections` allows', () => {
  const LIMITS = { limits: { unauthenticatedConnections: 5 } };
  const PER_ADDRESS = { limits: { unauthenticatedPerAddress: 5 } };

  it.each([
    ['on an instance', LIMITS, 'unauthenticated_connections'],
    ['from an address', PER_ADDRESS, 'unauthenticated_per_address'],
  ])(
    '%s: the oldest connection that has not sent `authenticate` is closed for the new one',
    async (_, options, why) => {
      const server = await startVictim({ options, witnesses: 0 });
      const open = async () => {
        const socket = await rawWebSocket(server.url);
        await socket.connect('/', { verdict: 'hangs' });
        return socket;
      };
      const asking = await open();
      asking.emit('authenticate');
      await eventually(async () => (await server.call('asked')) === 1);
      const polling = await server.polling();
      await polling.connect('/', { verdict: 'yes' });
      const oldest = [await open(), await open()];
      const [first, second] = oldest;
      const latest = [await open(), await open(), await open()];
      // The polling session is the oldest of those that have not authenticated.
      await expect(polling.poll()).rejects.toThrow();
      await within(first?.closed ?? Promise.reject(), 'the end of the oldest');
      expect((await server.counts()).engine).toBe(5);
      for (const each of [asking, second, ...latest]) each?.emit('secret');
      const newcomer = await rawWebSocket(server.url);
      await newcomer.connect('/', { verdict: 'yes' });
      await within(second?.closed ?? Promise.reject(), 'the end of the oldest');
      newcomer.emit('authenticate');
      await newcomer.event('authenticated');
      const lines: string[] = await server.call('lines');
      expect(lines.filter((line) => line.includes(why))).toHaveLength(3);
    },
  );

  it('authenticated clients do not count', async () => {
    const server = await startVictim({ options: LIMITS, witnesses: 0 });
    const clients = [];
    for (let n = 0; n < 12; n++) clients.push(await server.authenticated());
    expect((await server.counts()).engine).toBe(12);
    expect((await server.call('lines')).filter((line: string) => line.includes('unauthenticated_conn'))).toEqual([]);
    for (const client of clients) {
      client.emit('echo', ['here'], 1);
      await client.frames.next((frame) => String(frame) === '431["here"]');
    }
  });

  it('a new connection is accepted even if all others wait for authenticateFn', async () => {
    const server = await startVictim({ options: LIMITS, witnesses: 0 });
    const asking = [];
    for (let n = 1; n <= 5; n++) {
      const socket = await rawWebSocket(server.url);
      await socket.connect('/', { verdict: 'hangs' });
      socket.emit('authenticate');
      await eventually(async () => (await server.call('asked')) === n);
      asking.push(socket);
    }
    const newcomer = await server.authenticated();
    await within(asking[0]?.closed ?? Promise.reject(), 'the end of the oldest');
    newcomer.emit('echo', ['here'], 1);
    await newcomer.frames.next((frame) => String(frame) === '431["here"]');
  });
});
