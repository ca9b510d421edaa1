// npm test: node
import { beforeAll, describe, expect, it } from 'vitest';
import { ROOM_ERRORS } from '../../src/protocol/errors.js';
import { type PastedProject, pasteProject } from '../support/document.js';
import { unusedPort } from '../support/facts.js';

let project: PastedProject;

beforeAll(async () => {
  project = await pasteProject('README.md');
});

describe('the programs of the README', () => {
  it('are all there, and compile as they stand', () => {
    expect(project.files).toEqual(['server.ts', 'on-bun.ts', 'client.ts']);
    expect(project.compiled).toBe('');
  });

  it('do what it says, also when the server is started again', async () => {
    const replace = { 3000: await unusedPort() };
    const server = await project.start('server.ts', { replace });
    const client = await project.start('client.ts', { replace });
    const said = async (wanted: string) => {
      await client.messages.next((line) => line === wanted, { timeout: 15_000, what: wanted });
    };
    await said('authenticated ');
    await said("joined: [ 'public/news' ]");
    await said(`secret: ${ROOM_ERRORS.not_allowed.text}`);
    await said('said: Hello');
    server.kill('SIGTERM');
    expect(await server.ended(10_000)).toEqual({ code: 0, signal: null });
    await client.messages.next((line) => String(line).startsWith('waiting'));
    const restarted = await project.start('server.ts', { replace });
    await said('authenticated ');
    expect([server.stderr, restarted.stderr]).toEqual(['', '']);
  });

  it('let the same client in on Bun, at the path of that server', async () => {
    const replace = { 3000: await unusedPort() };
    const server = await project.start('on-bun.ts', { replace, runtime: 'bun' });
    const client = await project.start('client.ts', { replace, runtime: 'bun' });
    const told = { timeout: 15_000 };
    await client.messages.next((line) => String(line).startsWith('joined: ['), told);
    await client.messages.next((line) => line === `secret: ${ROOM_ERRORS.not_allowed.text}`, told);
    server.kill('SIGTERM');
    expect(await server.ended(10_000)).toEqual({ code: 0, signal: null });
    expect(server.stderr).toBe('');
  });
});
