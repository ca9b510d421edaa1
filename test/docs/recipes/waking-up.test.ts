// npm test: node
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { type PastedProject, pasteProject } from '../../support/document.js';
import { type Program, startProgram } from '../../support/process.js';
import { startServer } from '../../support/server.js';
import { type RunningProxy, startProxy } from '../../support/tcp-proxy.js';

const SLOW = { timeout: 15_000 };

/** The packages of the page, which report a wake-up at a signal. */
const PACKAGES: Readonly<Record<string, string>> = {
  'react-native': `export const AppState = {
    addEventListener: (event, listen) => {
      if (event === 'change') process.on('SIGUSR2', () => ['background', 'active'].forEach((state) => listen(state)));
    },
  };`,
  electron: `export const powerMonitor = {
    on: (event, listen) => {
      if (event === 'resume') process.on('SIGUSR2', listen);
    },
  };`,
};

let project: PastedProject;

beforeAll(async () => {
  project = await pasteProject('docs/recipes/waking-up.md');
});

/** A program of the page, as it is written, with a package that this test provides. */
async function startWith(name: string, of: string, env: Readonly<Record<string, string>>): Promise<Program> {
  const out = join(project.folder, 'out');
  await writeFile(join(out, `${of}.package.js`), PACKAGES[of] ?? '');
  const code = await readFile(join(project.folder, name), 'utf8');
  // A bundler of React Native adds the ending.
  const own = code.replace(`'${of}'`, `'./${of}.package.js'`).replace("'./client'", "'./client.js'");
  await writeFile(join(out, name), own);
  return startProgram(join(out, name), { cwd: project.folder, env });
}

/** Starts one of the programs behind a proxy. */
async function startBehindProxy(
  start: (env: Readonly<Record<string, string>>) => Promise<Program>,
): Promise<{ program: Program; proxy: RunningProxy }> {
  const { url } = await startServer({ serverOptions: { path: '/io' }, authenticateFn: () => ({ user: 'ada' }) });
  const proxy = await startProxy({ target: Number(new URL(url).port) });
  const program = await start({ SERVER: `http://127.0.0.1:${proxy.port}` });
  for (const line of ['connected', 'authenticating', 'authenticated']) {
    expect(await program.messages.next(undefined, SLOW)).toBe(line);
  }
  return { program, proxy };
}

describe('docs/recipes/waking-up.md', () => {
  it('compiles unchanged', () => {
    expect(project.compiled).toBe('');
  });

  it.each([
    ['react-native.js', 'react-native'],
    ['electron-main.js', 'electron'],
  ])('%s replaces a dead connection when %s reports a wake-up', async (name, of) => {
    const { program, proxy } = await startBehindProxy((env) => startWith(name, of, env));
    proxy.blackhole();
    program.kill('SIGUSR2');
    // The heartbeat would notice it up to 45 s later.
    await program.messages.next((line) => line !== 'authenticated', SLOW);
    proxy.heal();
    await program.messages.next((line) => line === 'authenticated', SLOW);
    expect(program.stderr).toBe('');
  });

  it('terminal.ts replaces a dead connection when it continues', async () => {
    const { program, proxy } = await startBehindProxy((env) => project.start('terminal.ts', { env }));
    program.kill('SIGSTOP');
    proxy.blackhole();
    program.kill('SIGCONT');
    await program.messages.next((line) => line !== 'authenticated', SLOW);
    proxy.heal();
    await program.messages.next((line) => line === 'authenticated', SLOW);
  });
});
