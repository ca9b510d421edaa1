// npm test: node
import { execFile } from 'node:child_process';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it } from 'vitest';
import { type PastedProject, PROJECT, pasteProject } from '../../support/document.js';

const run = promisify(execFile);
const PAPER = 'docs/recipes/testing-your-handlers.md';

interface Outcome {
  readonly passed: readonly string[];
  readonly failed: readonly string[];
}

/** The exit code: also not 0 if an error was thrown outside of any test. */
interface End {
  readonly code: number;
}

/** A program's output and exit code. It runs without the variables that this test runner passes to child processes. */
async function outputOf(cwd: string, args: readonly string[]): Promise<{ stdout: string; code: number }> {
  const env = Object.entries(process.env).filter(([name]) => !/^(VITEST|NODE_|TEST$|DEV$|PROD$|MODE$|SSR$)/.test(name));
  return run(process.execPath, [...args], { cwd, env: Object.fromEntries(env), timeout: 60_000 }).then(
    ({ stdout }) => ({ stdout, code: 0 }),
    ({ stdout, code }: { stdout: string; code: number }) => ({ stdout, code }),
  );
}

/** Runs every `chat.test.ts` under a folder; resolves to the outcomes by the name of its folder. */
async function runVitest(folder: string, ...args: string[]): Promise<End & { outcomes: Map<string, Outcome> }> {
  const vitest = join(PROJECT, 'node_modules/vitest/vitest.mjs');
  const { stdout, code } = await outputOf(folder, [vitest, 'run', 'chat.test.ts', '--reporter=json', ...args]);
  const report = JSON.parse(stdout) as {
    testResults: { name: string; assertionResults: { title: string; status: string }[] }[];
  };
  const outcomes = report.testResults.map(({ name, assertionResults }) => {
    const titled = (wanted: string) =>
      assertionResults.filter(({ status }) => status === wanted).map(({ title }) => title);
    return [basename(dirname(name)), { passed: titled('passed'), failed: titled('failed') }] as const;
  });
  return { outcomes: new Map(outcomes), code };
}

async function runNode(folder: string): Promise<End & Outcome> {
  const { stdout: report, code } = await outputOf(folder, ['--test', '--test-reporter=tap', 'out/chat.node.js']);
  const titled = (wanted: string) =>
    [...report.matchAll(/^ *(not ok|ok) \d+ - (.*)$/gm)]
      .filter(([, status, title = '']) => status === wanted && !title.endsWith('.js'))
      .map(([, , title = '']) => title);
  return { passed: titled('ok'), failed: titled('not ok'), code };
}

interface Fault {
  readonly from: string;
  readonly to: string;
}

/** Copies the recipe's chat from one file to another, with a fault. */
async function breakChat(from: string, to: string, fault: Fault): Promise<void> {
  const code = await readFile(from, 'utf8');
  if (!code.includes(fault.from)) throw new Error(`${from} has no ${fault.from}`);
  await writeFile(to, code.replace(fault.from, fault.to));
}

const SAID = 'a message reaches the members of its room';
const OTHERS = 'other rooms are refused';
const ANY_ROOM: Fault = { from: "room.startsWith('public/')", to: 'true' };

describe(PAPER, () => {
  let project: PastedProject;

  beforeAll(async () => {
    project = await pasteProject(PAPER);
    expect(project.compiled).toBe('');
  });

  it('has tests that pass with Vitest', async () => {
    const { outcomes, code } = await runVitest(project.folder);
    expect([...outcomes.values()]).toEqual([
      {
        passed: [
          SAID,
          'a client outside of a room cannot send to it',
          OTHERS,
          'a wrong token is refused, and the client gets the code',
          'a client that never authenticates is disconnected',
          'malformed messages are refused',
          'the server forgets a client that disconnected',
        ],
        failed: [],
      },
    ]);
    expect(code).toBe(0);
  });

  it('has tests that pass with node:test', async () => {
    const expected = { passed: [SAID, 'a wrong token is refused', OTHERS], failed: [], code: 0 };
    expect(await runNode(project.folder)).toEqual(expected);
  });

  it('has a test that fails because a handler without a schema does', async () => {
    const { folder } = await pasteProject(PAPER);
    const chat = join(folder, 'chat.ts');
    await breakChat(chat, chat, {
      from: "input: z.object({ room: z.string().startsWith('public/'), text: z.string() }),",
      to: '',
    });
    const { outcomes, code } = await runVitest(folder);
    expect([...outcomes.values()].flatMap(({ failed }) => failed)).toEqual(['malformed messages are refused']);
    expect(code).toBe(1);
  });

  it('has helpers that detect an error in a handler, with both frameworks', async () => {
    const { folder } = await pasteProject(PAPER);
    for (const chat of ['chat.ts', 'out/chat.js'].map((name) => join(folder, name))) {
      await breakChat(chat, chat, { from: 'helper.send(', to: 'throw new Error("broken"); helper.send(' });
    }
    const { outcomes } = await runVitest(folder);
    expect(outcomes.values().next().value?.failed).toContain(SAID);
    expect((await runNode(folder)).failed).toContain(SAID);
  });

  it('has tests for node:test that detect a fault, too', async () => {
    const { folder } = await pasteProject(PAPER);
    const chat = join(folder, 'out/chat.js');
    await breakChat(chat, chat, ANY_ROOM);
    expect((await runNode(folder)).failed).toEqual([OTHERS]);
  });
});

/** The faults, by the name of their folder. */
const FAULTS: Readonly<Record<string, Fault & { readonly failing: string }>> = {
  'without-a-room': {
    ...{ from: 'memberOf: ({ room }) => room,', to: '' },
    failing: 'a client outside of a room cannot send to it',
  },
  'any-room': { ...ANY_ROOM, failing: OTHERS },
  'any-token': {
    ...{ from: 'user !== undefined && { user }', to: "{ user: user ?? 'anybody' }" },
    failing: 'a wrong token is refused, and the client gets the code',
  },
};

describe(`${PAPER}, with a fault`, () => {
  let outcomes: ReadonlyMap<string, Outcome>;

  beforeAll(async () => {
    const { folder, files } = await pasteProject(PAPER);
    for (const [name, fault] of Object.entries(FAULTS)) {
      await mkdir(join(folder, name));
      for (const file of files) await writeFile(join(folder, name, file), await readFile(join(folder, file)));
      await breakChat(join(folder, 'chat.ts'), join(folder, name, 'chat.ts'), fault);
    }
    await rm(join(folder, 'chat.test.ts'));
    // One process for all of them.
    ({ outcomes } = await runVitest(folder, '--no-isolate', '--maxWorkers=1'));
  });

  const faults = Object.entries(FAULTS).map(([name, fault]) => ({ name, ...fault }));
  it.each(faults)('has a test that fails with: $from → $to', ({ name, failing }) => {
    expect(outcomes.get(name)?.failed).toContain(failing);
  });
});
