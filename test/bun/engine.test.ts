// npm test: bun
// npm run test:matrix: oldest-bun
import { expect, it } from 'vitest';
import { startProgram } from '../support/process.js';
import { runnerOf } from '../support/setting.js';

/**
 * If an update of the engine changes one of these members, the fixes that use it are disabled: see
 * runtime/bun/engine.ts.
 */
it('the installed engine has all private members in use', async () => {
  const program = startProgram(new URL('../fixtures/bun-engine.mjs', import.meta.url), runnerOf('bun'));
  expect(await program.messages.next(undefined, { timeout: 10_000 })).toEqual({
    whole: true,
    log: [],
    connection: {
      name: 'polling',
      maybeUpgrade: 'function',
      upgradeState: 'not_upgraded',
      hasPongTimer: true,
      optionsAreTheEngines: true,
      methods: ['function', 'function', 'function', 'function', 'function'],
    },
    whileUpgrading: { name: 'websocket', upgradeState: 'upgrading' },
    upgraded: { name: 'websocket', upgradeState: 'upgraded' },
  });
  expect(await program.ended()).toEqual({ code: 0, signal: null });
});
