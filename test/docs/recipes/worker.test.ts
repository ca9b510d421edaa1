// npm test: node
import { beforeAll, describe, expect, it } from 'vitest';
import { UNAUTHENTICATED_ERRORS } from '../../../src/protocol/errors.js';
import { type PastedProject, pasteProject } from '../../support/document.js';
import { unusedPort } from '../../support/facts.js';
import type { Program } from '../../support/process.js';
import { startRedis } from '../../support/redis.js';

const SLOW = { timeout: 15_000 };
const NEWS = 'The sales report is there';
const PROGRESS = [0, 50, 100].map((percent) => ({ report: 'sales', percent }));

let project: PastedProject;

beforeAll(async () => {
  project = await pasteProject('docs/recipes/worker.md');
});

interface Cluster {
  readonly instances: readonly Program[];
  readonly clients: readonly Program[];
  /** A client that is refused. */
  readonly stranger: Program;
  readonly env: Readonly<Record<string, string>>;
}

async function startCluster(): Promise<Cluster> {
  const redis = await startRedis();
  const env = { REDIS_PORT: `${redis.port}` };
  const startPair = async () => {
    const port = await unusedPort();
    const SERVER = `http://127.0.0.1:${port}`;
    const instance = await project.start('instance.ts', { env: { ...env, PORT: `${port}` } });
    await instance.messages.next((line) => line === `listening on ${port}`, SLOW);
    const client = await project.start('client.ts', { env: { SERVER } });
    expect(await client.messages.next(undefined, SLOW)).toBe('ready');
    return { instance, client, SERVER };
  };
  const pairs = await Promise.all([startPair(), startPair()]);
  const stranger = await project.start('client.ts', { env: { SERVER: pairs[0].SERVER, TOKEN: 'other' } });
  return { instances: pairs.map((it) => it.instance), clients: pairs.map((it) => it.client), stranger, env };
}

describe('docs/recipes/worker.md', () => {
  it('reaches the clients of each instance, in order and once, and the instances, like the plain emitter', async () => {
    const { instances, clients, stranger, env } = await startCluster();
    const worker = await project.start('worker.ts', { env });
    expect(await worker.ended(15_000)).toEqual({ code: 0, signal: null });
    for (const client of clients) {
      expect(await client.messages.next((line) => line === NEWS, SLOW)).toBe(NEWS);
      expect(client.messages.all).toEqual(['ready', ...PROGRESS, NEWS]);
    }
    for (const instance of instances) expect(await instance.messages.next(undefined, SLOW)).toBe('done: sales');

    const plain = await project.start('plain.ts', { env });
    expect(await plain.ended(15_000)).toEqual({ code: 0, signal: null });
    const told = [{ report: 'plain', percent: 100 }, 'From the plain emitter'];
    for (const client of clients) {
      await client.messages.next((line) => line === told[1], SLOW);
      expect(client.messages.all).toEqual(['ready', ...PROGRESS, NEWS, ...told]);
    }

    expect(await stranger.ended(15_000)).toEqual({ code: 0, signal: null });
    expect(stranger.messages.all).toEqual([`refused: ${UNAUTHENTICATED_ERRORS.refused.text}`]);
    for (const instance of instances) {
      instance.kill('SIGTERM');
      expect(await instance.ended(10_000)).toEqual({ code: 0, signal: null });
    }
    expect([...instances, worker, plain].map(({ stderr }) => stderr)).toEqual(['', '', '', '']);
  });

  it('fails with an error that names Redis if it is unreachable', async () => {
    const port = await unusedPort();
    const replace = { 'identifier: `reports': 'redisTimeout: 300, identifier: `reports' };
    const worker = await project.start('worker.ts', { replace, env: { REDIS_PORT: `${port}` } });
    expect((await worker.ended(15_000)).code).toBe(1);
    expect(worker.stderr).toContain('redis_unreachable');
    expect(worker.stderr).toContain(`127.0.0.1:${port}`);
  });
});
