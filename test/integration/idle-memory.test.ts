// npm test: node
// npm run test:matrix: newest-node
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, it } from 'vitest';
import { connectAuthenticated, startServer } from '../support/server.js';

setFlagsFromString('--allow-natives-syntax');
const haveSameShape = runInNewContext('(one, other) => %HaveSameMap(one, other)') as (a: object, b: object) => boolean;
// V8 compiles it at its first call.
haveSameShape({}, {});
setFlagsFromString('--no-allow-natives-syntax');

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
