// npm test: node, bun
// npm run test:matrix: node+redis, bun+redis, newest-node, newest-node+redis, oldest-bun, oldest-bun+redis
import { beforeAll, describe, expect, it } from 'vitest';
import { SETTING } from '../support/setting.js';
import { openAuthenticated, openPeer } from './peers.js';
import { startVictim, type Victim } from './victim.js';

const DEPTH = 64;

let victim: Victim;

beforeAll(async () => {
  victim = await startVictim({ options: { serverOptions: { maxHttpBufferSize: 4e6 }, authenticateTimeout: 3_000 } });
});

function lists(levels: number): string {
  return '['.repeat(levels) + ']'.repeat(levels);
}

function objects(levels: number): string {
  return `${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}`;
}

describe('payloadDepth', () => {
  it.each([
    ['lists', lists],
    ['objects', objects],
  ])('accepts 64 levels of %s and drops 65 and 20 000, and the connection stays open', async (_, nest) => {
    const peer = await openAuthenticated(victim, 'websocket');
    await peer.send(`421["echo",${nest(DEPTH)}]`, `422["echo",${nest(DEPTH + 1)}]`, `423["echo",${nest(20_000)}]`);
    await peer.send(`424["echo",1,${nest(20_000)}]`, `425["join",${nest(20_000)}]`, '426["echo","last"]');
    const frames = await peer.heardUntil((frame) => frame.startsWith('436'));
    expect(frames).toEqual([`42["echo",${nest(DEPTH)}]`, `431[${nest(DEPTH)}]`, '42["echo","last"]', '436["last"]']);
    await victim.unharmed();
  });

  it('applies to binary events, acknowledgements and `authenticate` too', async () => {
    const peer = await openPeer(victim, 'websocket', { verdict: 'yes' });
    await peer.send(`430[${lists(20_000)}]`, `42["authenticate",${lists(20_000)}]`);
    expect((await peer.heardToTheEnd())[0]).toContain('"code":"timeout"');

    const inside = await openAuthenticated(victim, 'websocket');
    await inside.send(`451-1["echo",${lists(DEPTH + 1)},{"_placeholder":true,"num":0}]`, Buffer.from([1]));
    await inside.send(`461-2[${lists(DEPTH + 1)},{"_placeholder":true,"num":0}]`, Buffer.from([1]));
    expect(await inside.heardSoFar()).toEqual([]);
    // On runtimes with a small stack, such as Node.js, Socket.IO itself fails on these and closes the connection.
    await inside.send(`451-1["echo",${lists(20_000)},{"_placeholder":true,"num":0}]`, Buffer.from([1]));
    expect(await (SETTING.runtime === 'bun' ? inside.heardSoFar() : inside.heardToTheEnd())).toEqual([]);
    await victim.unharmed();
  });

  it('applies to the `auth` of the handshake: the client is refused before the program receives it', async () => {
    const before = await victim.call('asked');
    for (const [deep, told] of [
      [lists(DEPTH - 1), 'authenticated'],
      [lists(20_000), 'unauthenticated'],
    ]) {
      const peer = await victim.webSocket();
      peer.send(`40{"verdict":"yes","deep":${deep}}`);
      await peer.frames.next((frame) => String(frame).startsWith('40{'));
      peer.emit('authenticate');
      await peer.event(`${told}`);
    }
    expect(await victim.call('asked')).toBe(before + 1);
    await victim.unharmed();
  });

  it('a million sibling arrays are walked once, so that the answer arrives in time', async () => {
    const peer = await openAuthenticated(victim, 'websocket');
    await peer.send(`421["secret",[${'[],'.repeat(1_000_000)}[]]]`);
    await peer.heardUntil((frame) => frame === '431["the secret"]');
    await victim.unharmed();
  });
});

describe('the number of arguments', () => {
  const many = (count: number) => `${'1,'.repeat(count - 1)}1`;

  it('passes up to 10 000, and drops more, of events and acknowledgements', async () => {
    const peer = await openAuthenticated(victim, 'websocket');
    await peer.send(`421["secret",${many(10_000)}]`, `422["secret",${many(10_001)}]`, `423["secret",${many(400_000)}]`);
    const frames = await peer.heardSoFar();
    expect(frames).toEqual(['431["the secret"]']);
    for (const [answer, result] of [
      ['["here"]', 'here'],
      [`[${many(10_000)}]`, 1],
    ]) {
      const asking = victim.call('ask', { id: peer.sid });
      const [question = ''] = await peer.heardUntil((frame) => frame.includes('["marker"'));
      const [, id] = /^42(\d+)/.exec(question) ?? [];
      await peer.send(`43${id}[2,${many(400_000)}]`, `43${id}[2,${many(10_000)}]`, `43${id}${answer}`);
      expect(await asking).toBe(result);
    }
    await victim.unharmed();
  });

  it('is limited in a namespace of the program too', async () => {
    const peer = await victim.webSocket();
    await peer.connect('/other');
    peer.send(`42/other,1["large",${many(400_000)}]`);
    peer.send('42/other,2["hello"]');
    await peer.frames.next((frame) => frame === '43/other,2["from the other namespace"]');
    await victim.unharmed();
  });
});

describe('unusual values come back unchanged and affect no other client', () => {
  it.each([
    ['lone surrogates', '"\\ud800 \\udc00 a\\udfff"'],
    ['a name that is a lone surrogate', '{"\\ud800":1}'],
    ['null characters and separators', '"\\u0000\\u001e"'],
    ['the largest safe number and beyond', '[9007199254740991,1e+308,-0.5,5e-324]'],
    ['a list of nulls', '[null,null]'],
    ['a property named __proto__', '{"__proto__":{"polluted":true}}'],
    ['properties named after methods', '{"toString":1,"hasOwnProperty":2,"constructor":{"prototype":3}}'],
    ['an object that resembles a placeholder', '{"placeholder":true,"num":7}'],
    ['a property named toJSON', '{"toJSON":"no function"}'],
    ['a property named then', '{"then":"no function"}'],
  ])('%s', async (_, json) => {
    const peer = await openAuthenticated(victim, 'websocket');
    await peer.send(`421["echo",${json}]`);
    expect(await peer.heardUntil((frame) => frame.startsWith('431'))).toEqual([`42["echo",${json}]`, `431[${json}]`]);
    await victim.unharmed();
  });

  it('a string of 3 MB', async () => {
    const peer = await openAuthenticated(victim, 'websocket');
    const text = 'x'.repeat(3_000_000);
    await peer.send(`421["echo","${text}"]`);
    expect((await peer.heardUntil((frame) => frame.startsWith('431'))).at(-1)).toHaveLength(text.length + 7);
    await victim.unharmed();
  });

  it('a number that JSON parses as Infinity', async () => {
    const peer = await openAuthenticated(victim, 'websocket');
    await peer.send('421["echo",1e999]');
    expect((await peer.heardUntil((frame) => frame.startsWith('431'))).at(-1)).toBe('431[null]');
    await victim.unharmed();
  });
});

describe('event names that are properties of Object.prototype', () => {
  it.each(['__proto__', 'constructor', 'toString', 'hasOwnProperty', '', 'x'.repeat(1_000_000), '\\ud800'])(
    'reach only their own listeners: %.20s',
    async (name) => {
      for (const peer of [await openPeer(victim, 'websocket'), await openAuthenticated(victim, 'websocket')]) {
        await peer.send(`421["${name}",{"rooms":["a"]}]`, `42["${name}"]`);
        expect(await peer.heardSoFar()).toEqual([]);
      }
      await victim.unharmed();
    },
  );
});

it('Object.prototype stays unchanged', async () => {
  const peer = await openAuthenticated(victim, 'websocket', { __proto__: { verdict: 'yes' } });
  await peer.send('421["echo",{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}}]');
  await peer.heardUntil((frame) => frame.startsWith('431'));
  expect(await victim.call('polluted')).toBe(false);
  await victim.unharmed();
});
