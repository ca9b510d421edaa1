// npm test: bun
// npm run test:matrix: oldest-bun
import { beforeAll, expect, it } from 'vitest';
import { buildChat, ChatClient } from '../support/chat.js';
import { unusedPort } from '../support/facts.js';
import { startProgram } from '../support/process.js';
import { isLast, PATIENCE, START_SCRIPT } from '../support/start.js';

beforeAll(buildChat);

/** A short version; `start.test.ts` tests more if its setting is Bun. This uses the Bun that npm installed. */
it('npm run start:bun serves the chat on Bun, and ends on SIGTERM', async () => {
  const port = await unusedPort();
  const program = startProgram(START_SCRIPT, { args: ['--bun'], env: { PORT: `${port}` } });
  await program.messages.next(isLast, PATIENCE);
  const url = `http://localhost:${port}`;
  expect(program.messages.all[0]).toBe(`The chat is ready on ${url}`);
  expect(program.messages.all.join('\n')).toContain(`PORT=${port + 1} npm run start:bun`);
  expect((await fetch(url)).headers.get('content-type')).toContain('text/html');
  await ChatClient.enter(url, 'Ada', 'lobby');
  program.kill('SIGTERM');
  expect(await program.ended(10_000)).toEqual({ code: 0, signal: null });
  expect(program.messages.all.at(-1)).toBe('Goodbye.');
  expect(program.stderr).toBe('');
});
