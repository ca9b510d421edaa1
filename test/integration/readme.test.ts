import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it } from 'vitest';
import { ROOM_ERRORS, UNAUTHENTICATED_ERRORS } from '../../src/protocol/errors.js';
import { unusedPort } from '../support/facts.js';
import { temporaryFolder } from '../support/folder.js';
import { type IProgram, startProgram } from '../support/process.js';
import { startRedis } from '../support/redis.js';

const run = promisify(execFile);
const project = fileURLToPath(new URL('../..', import.meta.url));
const PAPERS = ['README.md', 'CHANGELOG.md', 'CONTRIBUTING.md', 'SECURITY.md', 'docs/protocol.md'];
const CLIENT_ANSWERS = ['unauthenticated', 'offline', 'timeout'];

/** What the programs of the README take for granted, and what it is in this run. */
interface IPorts {
  http: number;
  redis?: number;
}

let folder: string;
let blocks: ReadonlyMap<string, string>;
/** What the compiler had to say. */
let compiled: string;

beforeAll(async () => {
  blocks = programsOf(await readFile(join(project, 'README.md'), 'utf8'));
  folder = await temporaryFolder('readme');
  await mkdir(join(folder, 'node_modules/@types'), { recursive: true });
  await symlink(project, join(folder, 'node_modules/roomgate'));
  await symlink(join(project, 'node_modules/@types/node'), join(folder, 'node_modules/@types/node'));
  await writeFile(join(folder, 'package.json'), JSON.stringify({ type: 'module' }));
  for (const [name, code] of blocks) await writeFile(join(folder, name), code);
  const compilerOptions = {
    ...{ strict: true, module: 'nodenext', target: 'es2022', types: ['node'], outDir: 'out', rootDir: '.' },
    ...{ noEmitOnError: true },
  };
  await writeFile(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: [...blocks.keys()] }));
  const compiler = join(project, 'node_modules/typescript/bin/tsc');
  // What it has to say is on stdout, also when it fails.
  const said = await run(process.execPath, [compiler, '-p', folder]).catch((error: { stdout: string }) => error);
  compiled = said.stdout;
});

/** Blocks of TypeScript by the name in their first line. */
function programsOf(markdown: string): ReadonlyMap<string, string> {
  const found = markdown.matchAll(/^```ts\n\/\/ (\S+\.ts)\n(.*?)^```$/gms);
  return new Map([...found].map(([, name = '', code = '']) => [name, code]));
}

async function start(name: string, { http, redis = 0 }: IPorts): Promise<IProgram> {
  const code = await readFile(join(folder, 'out', name.replace('.ts', '.js')), 'utf8');
  const here = code.replaceAll('3000', `${http}`).replaceAll('6379', `${redis}`);
  const file = join(folder, 'out', `${http}-${name.replace('.ts', '.js')}`);
  await writeFile(file, here);
  return startProgram(file, { cwd: folder });
}

describe('the programs of the README', () => {
  it('are all there, and compile as they stand', async () => {
    const text = await readFile(join(project, 'README.md'), 'utf8');
    expect([...blocks.keys()]).toEqual(['server.ts', 'client.ts', 'instance.ts', 'worker.ts']);
    expect(text.match(/^```ts$/gm)).toHaveLength(blocks.size);
    expect(compiled).toBe('');
  });

  it('server and client do what they say', async () => {
    const ports = { http: await unusedPort() };
    const server = await start('server.ts', ports);
    const client = await start('client.ts', ports);
    for (const line of ["joined: [ 'public/news' ]", `secret: ${ROOM_ERRORS.not_allowed.text}`, 'said: Hello']) {
      expect(await client.messages.next(undefined, { timeout: 15_000 })).toBe(line);
    }
    server.kill('SIGTERM');
    expect(await server.ended(10_000)).toEqual({ code: 0, signal: null });
    expect(server.stderr).toBe('');
  });

  it('an instance and a worker share Redis', async () => {
    const redis = await startRedis();
    const ports = { http: await unusedPort(), redis: redis.port };
    const instance = await start('instance.ts', ports);
    const client = await start('client.ts', ports);
    await client.messages.next((line) => line === `secret: ${ROOM_ERRORS.not_allowed.text}`, { timeout: 15_000 });
    const worker = await start('worker.ts', ports);
    expect(await worker.ended(10_000)).toEqual({ code: 0, signal: null });
    expect(await client.messages.next((line) => String(line).startsWith('said'))).toBe('said: from afar');
    expect([instance.stderr, worker.stderr]).toEqual(['', '']);
  });
});

describe('the papers', () => {
  it.each(PAPERS)('%s links to nothing that is not there', async (paper) => {
    const text = await readFile(join(project, paper), 'utf8');
    const targets = [...text.matchAll(/\]\((?!https?:)([^)#]+)[^)]*\)/g)].map(([, target = '']) => target);
    const missing = targets.filter((target) => !existsSync(join(project, dirname(paper), target)));
    expect(missing).toEqual([]);
  });

  it('docs/protocol.md lists every code, and whether asking again can help', async () => {
    const text = await readFile(join(project, 'docs/protocol.md'), 'utf8');
    const [, authentication = '', rooms = ''] = text.split(/^## (?:Authentication|Rooms)$/m);
    const rowsOf = (section: string) =>
      [...section.matchAll(/^\| `(\w+)` \| (\w+) /gm)].map(([, code, next]) => `${code} ${next}`);
    const travelling = Object.entries(ROOM_ERRORS).filter(([code]) => !CLIENT_ANSWERS.includes(code));
    expect(rowsOf(rooms).sort()).toEqual(
      travelling.map(([code, { retryable }]) => `${code} ${retryable ? 'yes' : 'no'}`).sort(),
    );
    const codes = rowsOf(authentication).map((row) => row.split(' ')[0]);
    expect(codes).toEqual(Object.keys(UNAUTHENTICATED_ERRORS));
  });
});
