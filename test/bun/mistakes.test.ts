// npm test: bun
// npm run test:matrix: oldest-bun
import { expect, it } from 'vitest';
import { startProgram } from '../support/process.js';
import { runnerOf } from '../support/setting.js';

const PROGRAM = new URL('../fixtures/bun-mistakes.mjs', import.meta.url);

it('mistakes on Bun are refused, or warned about, with the name of what the program wrote', async () => {
  const program = startProgram(PROGRAM, runnerOf('bun'));
  const says = await program.messages.next(() => true, { timeout: 10_000 });
  const serve = 'component.serve():';
  expect(says).toEqual({
    started:
      'invalid_option: SocketIOComponent.start(): expected the result of Bun.serve(), or undefined, received 3000. ' +
      'Pass an application to serve() instead: component.serve({ port: 3000, fetch: app.fetch }).',
    serving: {
      '{"fetch":5}': `invalid_argument: ${serve} fetch: expected a function, received 5.`,
      '{"routes":"x"}': `invalid_argument: ${serve} routes: expected an object such as { "/": handler }, received a string.`,
      '{"websocket":5}': `invalid_argument: ${serve} websocket: expected an object with the method message, received 5.`,
      '{"websocket":{}}': `invalid_argument: ${serve} websocket: expected an object with the method message, received an object.`,
      '{}': `invalid_option: ${serve} option "fecth" does not exist. Did you mean "fetch"?`,
      '{"route":{}}': `invalid_option: ${serve} option "route" does not exist. Did you mean "routes"?`,
    },
    other: { status: 404, text: 'Nothing is served at this path.\n' },
    fine: 'nothing was thrown',
    lines: [
      expect.stringContaining(
        'warn: [roomgate] test: option "serverOptions.cors.origin" is not set, so pages of every origin may connect',
      ),
      expect.stringContaining('warn: [roomgate] test: the path "/" takes every request of this server'),
    ],
  });
});
