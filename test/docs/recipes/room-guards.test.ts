// npm test: node
import { beforeAll, describe, expect, it } from 'vitest';
import { ROOM_ERRORS } from '../../../src/protocol/errors.js';
import { type PastedProject, pasteProject } from '../../support/document.js';
import { unusedPort } from '../../support/facts.js';
import type { Program } from '../../support/process.js';

const SLOW = { timeout: 15_000 };
const NOT_A_MEMBER = '(not_a_member): Ask the team for an invitation.';

let project: PastedProject;

beforeAll(async () => {
  project = await pasteProject('docs/recipes/room-guards.md');
});

async function start(env: Readonly<Record<string, string>> = {}): Promise<{ server: Program; url: string }> {
  const port = await unusedPort();
  const server = await project.start('server.ts', { env: { PORT: `${port}`, ...env } });
  await server.messages.next((line) => line === `listening on ${port}`, SLOW);
  return { server, url: `http://127.0.0.1:${port}` };
}

async function prints(client: Program, lines: readonly string[]): Promise<void> {
  for (const line of lines) expect(await client.messages.next(undefined, SLOW)).toBe(line);
}

describe('docs/recipes/room-guards.md', () => {
  it('prints the documented output', async () => {
    const { server, url } = await start();
    const other = `refused other/x (not_allowed): ${ROOM_ERRORS.not_allowed.text}`;
    const ada = await project.start('client.ts', { env: { SERVER: url } });
    await prints(ada, ['joined: public/news, user/ada, team/red, trial/chess', other]);
    const bob = await project.start('client.ts', { env: { SERVER: url, TOKEN: 'token of bob' } });
    await prints(bob, ['joined: public/news, trial/chess']);
    const refusals = [await bob.messages.next(), await bob.messages.next(), await bob.messages.next()];
    expect(new Set(refusals)).toEqual(
      new Set([
        other,
        `refused user/ada (not_allowed): ${ROOM_ERRORS.not_allowed.text}`,
        `refused team/red ${NOT_A_MEMBER}`,
      ]),
    );
    const remove = (authorization: string) =>
      fetch(`${url}/teams/red/ada`, { method: 'DELETE', headers: { authorization } });
    expect((await remove('Bearer wrong')).status).toBe(403);
    expect(await (await remove('Bearer token of root')).text()).toBe('left: 1, unconfirmed: 0\n');
    await prints(ada, [`left team/red ${NOT_A_MEMBER}`]);
    server.kill('SIGTERM');
    expect(await server.ended(10_000)).toEqual({ code: 0, signal: null });
    expect([server.stderr, ada.messages.unread, bob.messages.unread]).toEqual(['', [], []]);
  });

  it('ends the access to a trial room', async () => {
    const { url } = await start({ TRIAL_MS: '500' });
    const client = await project.start('client.ts', { env: { SERVER: url, TOKEN: 'token of bob' } });
    const line = `left trial/chess (room_expired): ${ROOM_ERRORS.room_expired.text}`;
    await client.messages.next((it) => it === line, SLOW);
  });
});
