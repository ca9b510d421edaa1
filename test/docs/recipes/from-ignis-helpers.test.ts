import { beforeAll, describe, expect, it } from 'vitest';
import { UNAUTHENTICATED_ERRORS } from '../../../src/protocol/errors.js';
import { codeBlocksOf, type IPastedProject, pasteProject } from '../../support/document.js';
import { unusedPort } from '../../support/facts.js';
import type { IProgram } from '../../support/process.js';
import { startRedis } from '../../support/redis.js';

const PAPER = 'docs/recipes/from-ignis-helpers.md';
const SLOW = { timeout: 15_000 };

let project: IPastedProject;

beforeAll(async () => {
  project = await pasteProject(PAPER);
});

async function startServer(): Promise<{ server: IProgram; url: string }> {
  const redis = await startRedis();
  const port = await unusedPort();
  const server = await project.start('server.ts', { env: { PORT: `${port}`, REDIS_PORT: `${redis.port}` } });
  await server.messages.next((line) => line === `listening on ${port}`, SLOW);
  return { server, url: `http://127.0.0.1:${port}` };
}

describe(PAPER, () => {
  it('has programs of which nothing but the import is ours', async () => {
    const blocks = await codeBlocksOf(PAPER);
    const added = blocks
      .filter(({ language }) => language === 'diff')
      .map(({ code }) => /^\+(.*)$/m.exec(code)?.[1] ?? '');
    const programs = blocks.filter(({ name }) => name !== undefined).map(({ code }) => code);
    expect(programs.map((code) => code.split('\n').filter((line) => /^import .*roomgate/.test(line)))).toEqual(
      added.map((line) => [line]),
    );
    for (const { code } of blocks.filter(({ language }) => language === 'diff')) {
      const [before = '', after = ''] = code.trim().split('\n');
      expect(after.slice(1)).toBe(before.slice(1).replace('@venizia/ignis-helpers', /'(.*)'/.exec(after)?.[1] ?? ''));
    }
  });

  it('serves the client, and comes to an end', async () => {
    const { server, url } = await startServer();
    const client = await project.start('client.ts', { env: { SERVER: url } });
    for (const line of ['state: authenticated', 'created: {"id":7}', 'accepted']) {
      expect(await client.messages.next(undefined, SLOW)).toBe(line);
    }
    for (const line of ['clients: 1', 'answered']) expect(await server.messages.next(undefined, SLOW)).toBe(line);
    server.kill('SIGTERM');
    expect(await server.ended(10_000)).toEqual({ code: 0, signal: null });
    expect(server.stderr).toBe('');
    // Not told to stay away.
    expect(await client.messages.next(undefined, SLOW)).not.toBe('disconnected: io server disconnect');
  });

  it('refuses the client, and tells it', async () => {
    const { url } = await startServer();
    const client = await project.start('client.ts', { env: { SERVER: url, TOKEN: 'wrong' } });
    expect(await client.ended(15_000)).toEqual({ code: 0, signal: null });
    expect(client.messages.all).toEqual([
      `refused: ${UNAUTHENTICATED_ERRORS.refused.text}`,
      'disconnected: io server disconnect',
    ]);
  });
});
