import { beforeAll, describe, expect, it } from 'vitest';
import { ROOM_ERRORS } from '../../src/protocol/errors.js';
import { type IPastedProject, pasteProject } from '../support/document.js';
import { unusedPort } from '../support/facts.js';
import { startRedis } from '../support/redis.js';

let project: IPastedProject;

beforeAll(async () => {
  project = await pasteProject('README.md');
});

describe('the programs of the README', () => {
  it('are all there, and compile as they stand', () => {
    expect(project.files).toEqual(['server.ts', 'client.ts', 'instance.ts', 'worker.ts']);
    expect(project.compiled).toBe('');
  });

  it('server and client do what they say', async () => {
    const replace = { 3000: await unusedPort() };
    const server = await project.start('server.ts', { replace });
    const client = await project.start('client.ts', { replace });
    for (const line of ["joined: [ 'public/news' ]", `secret: ${ROOM_ERRORS.not_allowed.text}`, 'said: Hello']) {
      expect(await client.messages.next(undefined, { timeout: 15_000 })).toBe(line);
    }
    server.kill('SIGTERM');
    expect(await server.ended(10_000)).toEqual({ code: 0, signal: null });
    expect(server.stderr).toBe('');
  });

  it('an instance and a worker share Redis', async () => {
    const redis = await startRedis();
    const replace = { 3000: await unusedPort(), 6379: redis.port };
    const instance = await project.start('instance.ts', { replace });
    const client = await project.start('client.ts', { replace });
    await client.messages.next((line) => line === `secret: ${ROOM_ERRORS.not_allowed.text}`, { timeout: 15_000 });
    const worker = await project.start('worker.ts', { replace });
    expect(await worker.ended(10_000)).toEqual({ code: 0, signal: null });
    expect(await client.messages.next((line) => String(line).startsWith('said'))).toBe('said: from afar');
    expect([instance.stderr, worker.stderr]).toEqual(['', '']);
  });
});
