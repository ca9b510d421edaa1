// npm test: node
// npm run test:matrix: newest-node
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, it } from 'vitest';
import { PacedPosts } from '../../src/socketio/paced-posts.js';
import { defer } from '../support/cleanup.js';
import { eventually } from '../support/facts.js';
import { connectAuthenticated, startServer } from '../support/server.js';

setFlagsFromString('--allow-natives-syntax');
const haveSameShape = runInNewContext('(one, other) => %HaveSameMap(one, other)') as (a: object, b: object) => boolean;
// V8 compiles it at its first call.
haveSameShape({}, {});
setFlagsFromString('--no-allow-natives-syntax');

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;
setFlagsFromString('--no-expose-gc');

it.each([
  ['without an identity', true],
  ['with an identity', { user: 'ann', expiresAt: Date.now() + 3_600_000 }],
])('sockets share one hidden class %s, also with properties of the program', async (_, verdict) => {
  const { url, helper } = await startServer({
    authenticateFn: () => verdict,
    clientConnectedFn: ({ socket }) => {
      Object.assign(socket, { ofProgram: 1 });
    },
  });
  for (let n = 0; n < 6; n++) await connectAuthenticated(url, { transports: ['websocket'] });
  const [first, second, ...others] = [...helper.getClients().values()].map(({ socket }) => socket).reverse();
  // V8 may change the class of the first few sockets.
  expect(others).toHaveLength(4);
  expect(haveSameShape(first as object, second as object)).toBe(true);
});

it('a client that has upgraded keeps nothing of its long polling, and one that polls no answered POST', async () => {
  const begun: WeakRef<object>[] = [];
  const posts: WeakRef<object>[] = [];
  const { begin } = PacedPosts.prototype;
  PacedPosts.prototype.begin = function (response) {
    begun.push(new WeakRef(response));
    posts.push(new WeakRef(this));
    begin.call(this, response);
  };
  defer(() => {
    PacedPosts.prototype.begin = begin;
  });
  const { url } = await startServer({ authenticateFn: () => true });
  const upgraded = await connectAuthenticated(url, { transports: ['polling', 'websocket'] });
  await eventually(() => upgraded.socket.io.engine.transport.name === 'websocket');
  const ofUpgraded = posts.length;
  expect(ofUpgraded).toBeGreaterThan(0);
  await connectAuthenticated(url, { transports: ['polling'] });
  expect(posts.length).toBeGreaterThan(ofUpgraded);
  await eventually(() => {
    collectGarbage();
    expect(begun.filter((it) => it.deref() !== undefined)).toEqual([]);
    expect(posts.slice(0, ofUpgraded).filter((it) => it.deref() !== undefined)).toEqual([]);
  });
});
