// npm test: node, bun
// npm run test:matrix: node+redis, bun+redis, newest-node, newest-node+redis, oldest-bun, oldest-bun+redis
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { eventually, within } from '../support/facts.js';
import { openAuthenticated, openPeer } from './peers.js';
import { holds } from './properties.js';
import { startVictim, type Victim } from './victim.js';

let victim: Victim;

beforeAll(async () => {
  victim = await startVictim({ options: { authenticateTimeout: 2_500 } });
});

/** Frames that break the protocol. Each must close only the connection of its sender. */
const BREAKING: readonly [string, (string | Buffer)[]][] = [
  ['an unknown type of packet', ['49["secret"]']],
  ['no packet at all', ['4']],
  ['an event without a name', ['42[]']],
  ['an event that is an object', ['42{"0":"secret"}']],
  ['an event that is null', ['42null']],
  ['an event whose name is an object', ['42[{"toString":"secret"}]']],
  ['an event whose name is null', ['42[null]']],
  ['JSON that ends too early', ['42["secret"']],
  ['text that is not JSON', ['42[secret]']],
  ['a reserved name: connect', ['42["connect"]']],
  ['a reserved name: disconnect', ['42["disconnect"]']],
  ['a reserved name: disconnecting', ['42["disconnecting"]']],
  ['a reserved name: newListener', ['42["newListener"]']],
  ['a reserved name in a binary event', ['451-["disconnect",{"_placeholder":true,"num":0}]', Buffer.from([1])]],
  ['a refusal, which only servers send', ['44{"message":"no"}']],
  ['a second CONNECT', ['40']],
  ['a disconnect with a payload', ['41{"reason":"none"}']],
  ['an acknowledgement that is not a list', ['431{"a":1}']],
  ['a packet for a namespace that was not joined', ['42/other,["secret"]']],
  ['a packet for a namespace that does not exist', ['42/nowhere,["secret"]']],
  ['unannounced binary data', [Buffer.from('secret')]],
  ['text where binary data was announced', ['451-["secret",{"_placeholder":true,"num":0}]', '42["secret"]']],
  ['an invalid number of attachments', ['45x-["secret"]']],
  ['a negative number of attachments', ['45-1-["secret"]']],
  ['zero attachments', ['450-["secret"]']],
  ['far too many attachments', ['4599999999-["secret",{"_placeholder":true,"num":0}]']],
  ['a placeholder with too high a number', ['451-["secret",{"_placeholder":true,"num":9}]', Buffer.from([1])]],
  ['a placeholder with a negative number', ['451-["secret",{"_placeholder":true,"num":-1}]', Buffer.from([1])]],
  [
    'a placeholder whose number is a property',
    ['451-["secret",{"_placeholder":true,"num":"constructor"}]', Buffer.from([1])],
  ],
];

describe.each(['outside', 'inside'] as const)('a frame from a client %s the gate', (where) => {
  it.each(BREAKING)('with %s closes its own connection and no other', async (_, frames) => {
    const open = where === 'outside' ? openPeer : openAuthenticated;
    const peer = await open(victim, 'websocket', { verdict: 'yes' });
    await peer.send(...frames);
    expect(await peer.heardToTheEnd()).toEqual([]);
    if (where === 'outside') expect(await victim.call('heard', { id: peer.sid })).toEqual([]);
    await victim.unharmed();
  });
});

/** Frames of Engine.IO. */
const ENGINE: readonly [string, string][] = [
  ['of an unknown type', '9'],
  ['empty', ''],
  ['a letter', 'x'],
  ['the handshake, which only servers send', '0{"sid":"mine"}'],
  ['a ping, which only servers send', '2'],
  ['an unrequested pong', '3'],
  ['a second upgrade', '5'],
  ['a probe', '2probe'],
  ['a noop', '6'],
  ['a close', '1'],
];

describe('a frame of Engine.IO', () => {
  it.each(ENGINE)('%s affects no other client', async (_, frame) => {
    const peer = await openPeer(victim, 'websocket');
    await peer.send(frame, frame, '42["secret"]');
    // Engine.IO may close this connection or not; the deadline closes it in any case.
    const heard = await peer.heardToTheEnd();
    expect(heard.filter((it) => !/^(42\["unauthenticated"|41$|2$|3)/.test(it))).toEqual([]);
    expect(await victim.call('heard', { id: peer.sid })).toEqual([]);
    await victim.unharmed();
  });
});

it('a second probe closes the upgrade, and the session continues over polling', async () => {
  // A server with a deadline longer than this test.
  const patient = await startVictim({ options: { authenticateTimeout: 60_000 } });
  const polling = await patient.polling();
  await polling.connect('/');
  for (let times = 0; times < 3; times++) {
    const socket = await patient.webSocket({ query: { sid: polling.sid } });
    socket.send('2probe');
    expect(await socket.frames.next()).toBe('3probe');
    // More than one read of the server contains: it may answer all packets of one read.
    for (let probe = 0; probe < 20_000; probe++) socket.send('2probe');
    await within(socket.closed, 'the end of the WebSocket', 10_000);
    expect(socket.frames.all.length).toBeLessThan(20_000);
  }
  await polling.connect('/other');
  await patient.unharmed();
});

it('an aborted upgrade leaves its session free to upgrade again', async () => {
  const patient = await startVictim({ options: { authenticateTimeout: 60_000 } });
  const polling = await patient.polling();
  await polling.connect('/');
  for (let times = 0; times < 3; times++) {
    // The server refuses another upgrade until it notices that the previous WebSocket has closed.
    await eventually(async () => {
      const socket = await patient.webSocket({ query: { sid: polling.sid } });
      socket.send('2probe');
      const answer = await Promise.race([socket.frames.next().catch(String), socket.closed.then(() => 'closed')]);
      socket.terminate();
      expect(answer).toBe('3probe');
    });
  }
  await polling.connect('/other');
  await patient.unharmed();
});

it('an upgrade whose session ends meanwhile is closed too', async () => {
  const polling = await victim.polling();
  const socket = await victim.webSocket({ query: { sid: polling.sid } });
  socket.send('2probe');
  expect(await socket.frames.next()).toBe('3probe');
  await polling.post('1');
  await within(socket.closed, 'the end of the WebSocket');
  await victim.unharmed();
});

it('endless attachments stay within the limit of their connection and are freed with it', async () => {
  const peer = await openPeer(victim, 'websocket');
  await peer.send(
    '4510-["secret",{"_placeholder":true,"num":0}]',
    ...Array.from({ length: 9 }, () => Buffer.alloc(1_000)),
  );
  expect((await peer.heardToTheEnd())[0]).toContain('"code":"timeout"');
  await victim.unharmed();
});

describe('arbitrary frames', () => {
  const valid = fc.constantFrom(
    '42["authenticate"]',
    '42["secret"]',
    '421["secret"]',
    '421["join",{"rooms":["a"]}]',
    '422["leave",{"rooms":["a"]}]',
    '41',
    '40',
    '40{"verdict":"yes"}',
    '40/other,',
    '41/other,',
    '42/other,1["hello"]',
    '3',
    '451-["echo",{"_placeholder":true,"num":0}]',
    '431["answer"]',
  );
  const nearly = fc
    .tuple(
      fc.constantFrom('0', '1', '2', '3', '4', '5', '6'),
      fc.constantFrom('', '0', '1', '2', '3', '4', '5', '6'),
      fc.string({ unit: 'binary' }),
    )
    .map((parts) => parts.join(''));
  const packet = fc.jsonValue({ maxDepth: 4 }).map((value) => `42${JSON.stringify(value)}`);
  const binary = fc.uint8Array({ maxLength: 64 }).map((bytes) => Buffer.from(bytes));
  const frame = fc.oneof({ weight: 4, arbitrary: valid }, nearly, packet, binary, fc.string({ unit: 'binary' }));

  it.each([
    ['of a refused client', 'no'],
    ['of an accepted client', 'yes'],
  ])('%s, in any order, leave nothing behind', async (_, verdict) => {
    const property = fc.asyncProperty(fc.array(frame, { maxLength: 25 }), async (frames) => {
      const peer = await victim.webSocket();
      const { sid } = await peer.connect('/', { verdict });
      for (const each of frames) peer.send(each);
      peer.close();
      await peer.closed;
      await eventually(async () => (await victim.call('stateOf', { id: sid })) === null);
      if (verdict === 'no') {
        const heard: string[] = await victim.call('heard', { id: sid });
        expect(heard.filter((entry) => !entry.endsWith(' authenticate'))).toEqual([]);
      }
      expect(victim.program.stderr).toBe('');
    });
    await holds(property, 120);
    await victim.unharmed();
  });

  it('in the body of a POST leave nothing behind', async () => {
    const text = fc.oneof(
      frame.map(String),
      fc.string({ unit: 'binary' }),
      fc.constant('\x1e'),
      fc.constant('bAAAA'),
      fc.constant('b===='),
    );
    const property = fc.asyncProperty(fc.array(text, { minLength: 1, maxLength: 20 }), async (packets) => {
      const polling = await victim.polling();
      const { sid } = await polling.connect('/', { verdict: 'no' });
      const { status } = await polling.post(...packets);
      expect([200, 400]).toContain(status);
      await polling.post('1');
      await eventually(async () => (await victim.call('stateOf', { id: sid })) === null);
      expect(victim.program.stderr).toBe('');
    });
    await holds(property, 80);
    await victim.unharmed(10_000);
  });
});
