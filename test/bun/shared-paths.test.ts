// npm test: bun
// npm run test:matrix: oldest-bun
import { expect, it } from 'vitest';
import { startProgram } from '../support/process.js';
import { runnerOf } from '../support/setting.js';

const PROGRAM = new URL('../fixtures/bun-shared-paths.mjs', import.meta.url);

it('a second instance at one engine, server or handler is refused, with the name of the first', async () => {
  const program = startProgram(PROGRAM, runnerOf('bun'));
  const says = await program.messages.next(() => true, { timeout: 10_000 });
  const fix = 'Create a new engine.';
  expect(says).toEqual({
    engine: `invalid_option: SocketIOServerHelper "second": option "engine": this engine belongs to SocketIOServerHelper "first", even after its shutdown. ${fix}`,
    engineLater: expect.stringContaining(
      'SocketIOServerHelper "third": option "engine": this engine belongs to SocketIOServerHelper "first"',
    ),
    plain: `invalid_option: SocketIOServerHelper "second": option "engine": this engine belongs to another Socket.IO server. ${fix}`,
    server:
      'invalid_option: SocketIOServerHelper "second": the path "/io" of this server of Bun.serve is taken by ' +
      'SocketIOServerHelper "first". Give one of them another path (option "serverOptions.path"), or await shutdown() of "first" first.',
    beside: 'nothing was thrown',
    serverLater: 'nothing was thrown',
    nested: `invalid_argument: "second": the given fetch belongs to "first" and serves the path "/io/", so it can't serve "/io/" too. Give one of them another path.`,
    nestedBeside: 'nothing was thrown',
  });
});
