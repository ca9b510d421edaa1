// npm test: node
import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it } from 'vitest';
import { type IPastedProject, PROJECT, pasteProject } from '../../support/document.js';

const run = promisify(execFile);

let project: IPastedProject;

beforeAll(async () => {
  project = await pasteProject('docs/recipes/testing-your-handlers.md');
  expect(project.compiled).toBe('');
});

interface IOutcome {
  readonly passed: readonly string[];
  readonly failed: readonly string[];
  /** What the program ended with: not 0 as well where something was thrown outside of any test. */
  readonly code: number;
}

/** What a program prints, whatever it ends with; without what this test runner tells its own children. */
async function outputOf(args: readonly string[]): Promise<{ stdout: string; code: number }> {
  const env = Object.entries(process.env).filter(([name]) => !/^(VITEST|NODE_|TEST$|DEV$|PROD$|MODE$|SSR$)/.test(name));
  const options = { cwd: project.folder, env: Object.fromEntries(env), timeout: 60_000 };
  return run(process.execPath, [...args], options).then(
    ({ stdout }) => ({ stdout, code: 0 }),
    ({ stdout, code }: { stdout: string; code: number }) => ({ stdout, code }),
  );
}

async function runVitest(): Promise<IOutcome> {
  const vitest = join(PROJECT, 'node_modules/vitest/vitest.mjs');
  const { stdout, code } = await outputOf([vitest, 'run', 'chat.test.ts', '--reporter=json']);
  const report = JSON.parse(stdout) as {
    testResults: { assertionResults: { title: string; status: string }[] }[];
  };
  const results = report.testResults.flatMap(({ assertionResults }) => assertionResults);
  const titled = (wanted: string) => results.filter(({ status }) => status === wanted).map(({ title }) => title);
  return { passed: titled('passed'), failed: titled('failed'), code };
}

async function runNode(): Promise<IOutcome> {
  const { stdout: report, code } = await outputOf(['--test', '--test-reporter=tap', 'out/chat.node.js']);
  const titled = (wanted: string) =>
    [...report.matchAll(/^ *(not ok|ok) \d+ - (.*)$/gm)]
      .filter(([, status, title = '']) => status === wanted && !title.endsWith('.js'))
      .map(([, , title = '']) => title);
  return { passed: titled('ok'), failed: titled('not ok'), code };
}

/** Runs the recipe's tests against a chat in which something is broken. */
async function whileBroken<T>(from: string, to: string, act: () => Promise<T>): Promise<T> {
  const files = ['chat.ts', 'out/chat.js'].map((name) => join(project.folder, name));
  const whole = await Promise.all(files.map((file) => readFile(file, 'utf8')));
  for (const [index, file] of files.entries()) {
    const code = whole[index] ?? '';
    if (!code.includes(from)) throw new Error(`${file} has no ${from}`);
    await writeFile(file, code.replace(from, to));
  }
  try {
    return await act();
  } finally {
    for (const [index, file] of files.entries()) await writeFile(file, whole[index] ?? '');
  }
}

const SAID = 'what is said in a room reaches who is in it';
const OTHERS = 'other rooms are refused';

describe('docs/recipes/testing-your-handlers.md', () => {
  it('has tests that pass with Vitest', async () => {
    expect(await runVitest()).toEqual({
      passed: [
        SAID,
        'nobody speaks in a room without being in it',
        OTHERS,
        'a wrong token is refused, and the client is told',
        'a client that never asks is ended',
        'nonsense harms nobody',
        'the server forgets who has gone',
      ],
      failed: [],
      code: 0,
    });
  });

  it('has tests that pass with node:test', async () => {
    expect(await runNode()).toEqual({ passed: [SAID, 'a wrong token is refused', OTHERS], failed: [], code: 0 });
  });

  const faults: readonly (readonly [from: string, to: string, failing: string])[] = [
    ['!socket.rooms.has(room) || ', '', 'nobody speaks in a room without being in it'],
    ["room.startsWith('public/')", 'true', OTHERS],
    ['users.has(auth.token)', 'true', 'a wrong token is refused, and the client is told'],
  ];
  it.each(faults)('has tests that notice: %s → %s', async (from, to, failing) => {
    expect((await whileBroken(from, to, runVitest)).failed).toContain(failing);
  });

  it('has a test that makes a handler throw which takes anything for an object', async () => {
    expect((await whileBroken('Object(message)', 'message', runVitest)).code).toBe(1);
  });

  it('has tests for node:test that notice a fault, too', async () => {
    expect((await whileBroken("room.startsWith('public/')", 'true', runNode)).failed).toEqual([OTHERS]);
  });
});
