// npm test: node
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { ROOM_ERRORS } from '../../src/protocol/errors.js';
import { codeBlocksOf, type PastedProject, PROJECT, pasteProject } from '../support/document.js';
import { unusedPort } from '../support/facts.js';

let project: PastedProject;

beforeAll(async () => {
  project = await pasteProject('README.md');
});

describe('the programs of the README', () => {
  it('exist and compile', () => {
    expect(project.files).toEqual(['server.ts', 'on-bun.ts', 'client.ts']);
    expect(project.compiled).toBe('');
  });

  it('print the output that the README shows, even after a restart of the server', async () => {
    const replace = { 3000: await unusedPort() };
    const server = await project.start('server.ts', { replace });
    const client = await project.start('client.ts', { replace });
    const said = async (wanted: string) => {
      await client.messages.next((line) => line === wanted, { timeout: 15_000, what: wanted });
    };
    await said('authenticated ');
    await said("joined: [ 'public/news' ]");
    await said(`secret: ${ROOM_ERRORS.not_allowed.text}`);
    await said('said: ada: Hello');
    await said("invalid [ { path: 'text', code: 'invalid_type' } ]");
    server.kill('SIGTERM');
    expect(await server.ended(10_000)).toEqual({ code: 0, signal: null });
    await client.messages.next((line) => String(line).startsWith('waiting'));
    const restarted = await project.start('server.ts', { replace });
    await said('authenticated ');
    expect([server.stderr, restarted.stderr]).toEqual(['', '']);
  });

  it('include a server on Bun that accepts the same client', async () => {
    const replace = { 3000: await unusedPort() };
    const server = await project.start('on-bun.ts', { replace, runtime: 'bun' });
    const client = await project.start('client.ts', { replace, runtime: 'bun' });
    const told = { timeout: 15_000 };
    await client.messages.next((line) => String(line).startsWith('joined: ['), told);
    await client.messages.next((line) => line === `secret: ${ROOM_ERRORS.not_allowed.text}`, told);
    await client.messages.next((line) => line === 'said: ada: Hello', told);
    server.kill('SIGTERM');
    expect(await server.ended(10_000)).toEqual({ code: 0, signal: null });
    expect(server.stderr).toBe('');
  });
});

describe('the README', () => {
  const read = (name: string): Promise<string> => readFile(join(PROJECT, name), 'utf8');

  it('fits on 200 lines', async () => {
    expect((await read('README.md')).trimEnd().split('\n').length).toBeLessThanOrEqual(200);
  });

  it('has the two commands in separate blocks', async () => {
    const blocks = await codeBlocksOf('README.md');
    const commands = blocks.filter(({ language }) => language === 'sh').map(({ code }) => code);
    expect(commands).toEqual(['npm install && npm start\n', 'npm install && npm test\n']);
  });

  it('has a server and a client of at most 20 lines', async () => {
    for (const { name, code } of await codeBlocksOf('README.md')) {
      if (name !== undefined) expect([name, code.trimEnd().split('\n').length <= 20]).toEqual([name, true]);
    }
  });

  it('has a sequence drawing that is the same in light and dark, except for its colors, and loads nothing', async () => {
    const [light, dark] = await Promise.all(['', '-dark'].map((end) => read(`docs/images/sequence${end}.svg`)));
    const plain = (svg = ''): string => svg.replace(/#[\da-f]{6}\b/g, '#');
    expect(plain(dark)).toBe(plain(light));
    expect(dark).not.toBe(light);
    expect(light).not.toMatch(/https?:\/\/(?!www\.w3\.org\/2000\/svg)|@import|url\(/);
  });
});
