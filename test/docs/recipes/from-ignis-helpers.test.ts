// npm test: node
import { beforeAll, describe, expect, it } from 'vitest';
import { UNAUTHENTICATED_ERRORS } from '../../../src/protocol/errors.js';
import { codeBlocksOf, type PastedProject, pasteProject } from '../../support/document.js';
import { unusedPort } from '../../support/facts.js';
import type { Program } from '../../support/process.js';
import { startRedis } from '../../support/redis.js';

const PAPER = 'docs/recipes/from-ignis-helpers.md';
const SLOW = { timeout: 15_000 };

let project: PastedProject;

beforeAll(async () => {
  project = await pasteProject(PAPER);
});

async function startServer(program = 'server.ts'): Promise<{ server: Program; url: string }> {
  const redis = await startRedis();
  const port = await unusedPort();
  const server = await project.start(program, {
    env: { PORT: `${port}`, REDIS_PORT: `${redis.port}` },
    runtime: program === 'bun.ts' ? 'bun' : 'node',
  });
  await server.messages.next((line) => line === `listening on ${port}`, SLOW);
  return { server, url: `http://127.0.0.1:${port}` };
}

describe(PAPER, () => {
  it('has programs in which only the import changes', async () => {
    const blocks = await codeBlocksOf(PAPER);
    const added = blocks
      .filter(({ language }) => language === 'diff')
      .map(({ code }) => /^\+(.*)$/m.exec(code)?.[1] ?? '');
    const programs = blocks.filter(({ name }) => name !== undefined).map(({ code }) => code);
    const imports = programs.map((code) => code.split('\n').filter((line) => /^import .*roomgate/.test(line)));
    for (const lines of imports) expect(lines).toHaveLength(1);
    expect([...new Set(imports.flat())]).toEqual(added);
    for (const { code } of blocks.filter(({ language }) => language === 'diff')) {
      const [before = '', after = ''] = code.trim().split('\n');
      expect(after.slice(1)).toBe(before.slice(1).replace('@venizia/ignis-helpers', /'(.*)'/.exec(after)?.[1] ?? ''));
    }
  });

  it('serves the client, and exits on SIGTERM', async () => {
    const { server, url } = await startServer();
    const client = await project.start('client.ts', { env: { SERVER: url } });
    for (const line of ['state: authenticated', 'created: {"id":7}', 'accepted']) {
      expect(await client.messages.next(undefined, SLOW)).toBe(line);
    }
    for (const line of ['clients: 1', 'answered']) expect(await server.messages.next(undefined, SLOW)).toBe(line);
    server.kill('SIGTERM');
    expect(await server.ended(10_000)).toEqual({ code: 0, signal: null });
    expect(server.stderr).toBe('');
    // The client reconnects after every other reason.
    expect(await client.messages.next(undefined, SLOW)).not.toBe('disconnected: io server disconnect');
  });

  it('serves the same client on Bun, and exits on SIGTERM', async () => {
    const { server, url } = await startServer('bun.ts');
    const client = await project.start('client.ts', { env: { SERVER: url } });
    for (const line of ['state: authenticated', 'created: {"id":7}', 'accepted']) {
      expect(await client.messages.next(undefined, SLOW)).toBe(line);
    }
    expect((await fetch(url)).status).toBe(404);
    server.kill('SIGTERM');
    expect(await server.ended(10_000)).toEqual({ code: 0, signal: null });
    expect(server.stderr).toBe('');
    expect(await client.messages.next(undefined, SLOW)).not.toBe('disconnected: io server disconnect');
  });

  it.each(['server.ts', 'bun.ts'])('%s refuses the client, with a message', async (program) => {
    const { url } = await startServer(program);
    const client = await project.start('client.ts', { env: { SERVER: url, TOKEN: 'wrong' } });
    expect(await client.ended(15_000)).toEqual({ code: 0, signal: null });
    expect(client.messages.all).toEqual([
      `refused: ${UNAUTHENTICATED_ERRORS.refused.text}`,
      'disconnected: io server disconnect',
    ]);
  });
});
