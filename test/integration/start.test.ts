// npm test: node
// npm run test:matrix: newest-node, bun, oldest-bun
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { buildChat, ChatClient, runChat } from '../support/chat.js';
import { spawnTethered } from '../support/children.js';
import { defer } from '../support/cleanup.js';
import { EventLog, nextEvent, unusedPort, within } from '../support/facts.js';
import { type IProgram, startProgram } from '../support/process.js';
import { SETTING } from '../support/setting.js';

const SCRIPT = new URL('../../scripts/start.mjs', import.meta.url);
/** What starts the chat, and what that adds to the script. */
const [START, ARGS] = SETTING.runtime === 'bun' ? ['npm run start:bun', ['--bun']] : ['npm start', []];

/** It builds first. */
const BUILD_MS = 25_000;
const PATIENCE = { timeout: BUILD_MS, what: 'the last line of the start' };
const isLast = (line: unknown): boolean => line === 'It stays up until you press Ctrl-C.';

async function start(
  run: (env: Record<string, string>) => IProgram = runChat,
  env: Record<string, string> = {},
): Promise<{ program: IProgram; url: string; lines: string[] }> {
  const port = await unusedPort();
  const program = run({ PORT: `${port}`, ...env });
  await program.messages.next(isLast, PATIENCE);
  return { program, url: `http://localhost:${port}`, lines: program.messages.all.map(String) };
}

describe(START, () => {
  const runScript = (env: Record<string, string>): IProgram => startProgram(SCRIPT, { args: ARGS, env });

  it('is a command of the package', async () => {
    const { scripts } = JSON.parse(await readFile(new URL('../../package.json', import.meta.url), 'utf8'));
    expect(scripts[START.replace(/npm (run )?/, '')]).toBe(['node scripts/start.mjs', ...ARGS].join(' '));
  });

  it('serves the chat, and says where and how', async () => {
    const { program, url, lines } = await start(runScript);
    expect(lines[0]).toBe(`The chat is ready on ${url}`);
    const another = `REDIS_URL=redis://127.0.0.1:6379 PORT=${Number(new URL(url).port) + 1} ${START}`;
    expect(lines.join('\n')).toContain(another);
    expect(program.stderr).toBe('');

    const page = await fetch(url);
    expect([page.status, page.headers.get('content-type')]).toEqual([200, expect.stringContaining('text/html')]);
    const [, token, address = ''] = /curl -H '(Authorization: Bearer \S+)' (\S+)/.exec(lines.join('\n')) ?? [];
    expect((await fetch(address)).status).toBe(401);
    const clients = await fetch(address, { headers: { authorization: `${token?.slice('Authorization: '.length)}` } });
    expect([clients.status, await clients.json()]).toEqual([200, { clients: [] }]);
    await ChatClient.enter(url, 'Ada', 'lobby');
  });

  /** The script under a shell, as npm runs it. */
  async function startInShell() {
    const port = await unusedPort();
    const { child, exited } = spawnTethered(
      'sh',
      ['-c', `"${process.execPath}" "${fileURLToPath(SCRIPT)}" ${ARGS.join(' ')} & echo $!; wait`],
      {
        env: { ...process.env, PORT: `${port}`, npm_lifecycle_event: 'start' },
        stdio: ['ignore', 'pipe', 'inherit'],
        // A group of its own, so that whoever is left can be ended with it.
        detached: true,
      },
    );
    const lines = new EventLog<string>();
    if (child.stdout !== null) createInterface(child.stdout).on('line', (line) => lines.push(line));
    let over = false;
    defer(() => over || process.kill(-Number(child.pid), 'SIGKILL'));
    const script = Number(await lines.next());
    await lines.next(isLast, PATIENCE);
    // Its output is that of the shell: it has ended when the last of them has.
    const ended = async (): Promise<void> => {
      await within(exited, 'the end of the server', 10_000);
      over = true;
    };
    return { shell: child, script, lines, ended };
  }

  it('stops when npm and its shell are gone', async () => {
    const { shell, lines, ended } = await startInShell();
    shell.kill('SIGTERM');
    await ended();
    expect(lines.all.at(-1)).toBe('Goodbye.');
  });

  // On Node.js the script itself is the server.
  if (SETTING.runtime === 'bun') {
    it('stops when the script was killed', async () => {
      const { script, lines, ended } = await startInShell();
      process.kill(script, 'SIGKILL');
      await ended();
      expect(lines.all.at(-1)).toBe('Goodbye.');
    });

    it.each(['SIGINT', 'SIGTERM'] as const)('hands %s on, and ends as the server does', async (signal) => {
      const { program } = await start(runScript);
      program.kill(signal);
      expect(await program.ended(10_000)).toEqual({ code: 0, signal: null });
      expect(program.messages.all.at(-1)).toBe('Goodbye.');
    });
  }
});

describe('the program of the chat', () => {
  beforeAll(buildChat);

  it('makes other secrets at each start, unless they are given', async () => {
    const [one, other, given] = await Promise.all([start(), start(), start(runChat, { OPERATOR_TOKEN: 'mine' })]);
    const tokenOf = ({ lines }: { lines: string[] }) => /token is (\S+)\. /.exec(lines.join('\n'))?.[1];
    expect(tokenOf(one)).toMatch(/^[\w-]{32}$/);
    expect(tokenOf(one)).not.toBe(tokenOf(other));
    expect(tokenOf(given)).toBe('mine');
  });

  it.each(['SIGINT', 'SIGTERM'] as const)(
    'stops on %s, however often it comes, with clients connected',
    async (signal) => {
      const { program, url } = await start();
      const { socket } = await ChatClient.enter(url, 'Ada', 'lobby');
      const gone = nextEvent<[string]>(socket, 'disconnect', { timeout: 10_000 });
      program.kill(signal);
      program.kill(signal);
      expect(await program.ended(10_000)).toEqual({ code: 0, signal: null });
      expect(program.messages.all.slice(-2)).toEqual(['Shutting down …', 'Goodbye.']);
      expect(program.stderr).toBe('');
      expect((await gone)[0]).toMatch(/^transport (close|error)$/);
      await expect(fetch(url)).rejects.toThrow();
    },
  );

  it.each(['abc', '-1', '65536', '80.5'])('refuses %s as a port', async (port) => {
    const program = runChat({ PORT: port });
    expect(await program.ended(10_000)).toEqual({ code: 1, signal: null });
    expect(program.stderr).toBe(
      `PORT is to be a number from 0 to 65535, "${port}" was given. For example: PORT=3001 ${START}\n`,
    );
    expect(program.messages.all).toEqual([]);
  });

  it('says so where Redis is not there, and shows no password', async () => {
    const [port, redis] = [await unusedPort(), await unusedPort()];
    const env = { PORT: `${port}`, REDIS_URL: `redis://:hush@127.0.0.1:${redis}` };
    const program = runChat(env);
    expect(await program.ended(20_000)).toEqual({ code: 1, signal: null });
    expect(program.stderr).toContain(`127.0.0.1:${redis}`);
    expect(program.stderr).not.toMatch(/hush|^ {4}at /m);
  });

  it('refuses what is no address of a Redis', async () => {
    const program = runChat({ REDIS_URL: 'localhost:6379' });
    expect(await program.ended(10_000)).toEqual({ code: 1, signal: null });
    expect(program.stderr).toBe('REDIS_URL is to be an address such as redis://127.0.0.1:6379.\n');
  });

  it('listens where HOST says', async () => {
    const port = await unusedPort();
    const program = runChat({ PORT: `${port}`, HOST: '127.0.0.1' });
    await program.messages.next(isLast);
    expect(program.messages.all[0]).toBe(`The chat is ready on http://127.0.0.1:${port}`);
    expect((await fetch(`http://127.0.0.1:${port}/healthz`)).status).toBe(200);
    await expect(fetch(`http://[::1]:${port}/healthz`)).rejects.toThrow();
  });

  it('says so where the port is taken, naming it and the way out', async () => {
    const other = createServer();
    defer(() => other.close());
    other.listen(0);
    await once(other, 'listening');
    const { port } = other.address() as { port: number };
    const program = runChat({ PORT: `${port}` });
    expect(await program.ended(10_000)).toEqual({ code: 1, signal: null });
    const another = port === 65_535 ? 3000 : port + 1;
    expect(program.stderr).toBe(
      `Port ${port} is taken by another program. Choose another one, for example: PORT=${another} ${START}\n`,
    );
  });
});
