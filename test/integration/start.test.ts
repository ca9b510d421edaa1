// npm test: node
// npm run test:matrix: newest-node, bun, oldest-bun
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { beforeAll, describe, expect, it } from 'vitest';
import { buildChat, ChatClient, runChat } from '../support/chat.js';
import { defer } from '../support/cleanup.js';
import { nextEvent, unusedPort } from '../support/facts.js';
import { type Program, startProgram } from '../support/process.js';
import { SETTING } from '../support/setting.js';
import { isLast, PATIENCE, START_SCRIPT, startInShell } from '../support/start.js';

/** The command that starts the chat, and the arguments that it passes to the script. */
const [START, ARGS] = SETTING.runtime === 'bun' ? ['npm run start:bun', ['--bun']] : ['npm start', []];

interface Started {
  readonly program: Program;
  readonly url: string;
  readonly lines: string[];
}

async function start(
  run: (env: Record<string, string>) => Program = runChat,
  env: Record<string, string> = {},
): Promise<Started> {
  const port = await unusedPort();
  const program = run({ PORT: `${port}`, ...env });
  await program.messages.next(isLast, PATIENCE);
  return { program, url: `http://localhost:${port}`, lines: program.messages.all.map(String) };
}

// Built before, because the duration of a build is not tested here.
beforeAll(buildChat);

describe(START, () => {
  it('is a command of the package', async () => {
    const { scripts } = JSON.parse(await readFile(new URL('../../package.json', import.meta.url), 'utf8'));
    expect(scripts[START.replace(/npm (run )?/, '')]).toBe(['node scripts/start.mjs', ...ARGS].join(' '));
  });

  it('serves the chat, prints its URL, and stops when npm and its shell are gone', async () => {
    const { url, lines, errors, killShell, ended } = await startInShell(ARGS);
    // The first one is the shell's.
    expect(lines.all[1]).toBe(`The chat is ready on ${url}`);
    const said = lines.all.join('\n');
    expect(said).toContain(`REDIS_URL=redis://127.0.0.1:6379 PORT=${Number(new URL(url).port) + 1} ${START}`);

    const page = await fetch(url);
    expect([page.status, page.headers.get('content-type')]).toEqual([200, expect.stringContaining('text/html')]);
    const [, token, address = ''] = /curl -H '(Authorization: Bearer \S+)' (\S+)/.exec(said) ?? [];
    expect((await fetch(address)).status).toBe(401);
    const clients = await fetch(address, { headers: { authorization: `${token?.slice('Authorization: '.length)}` } });
    expect([clients.status, await clients.json()]).toEqual([200, { clients: [] }]);
    await ChatClient.enter(url, 'Ada', 'lobby');
    expect(errors()).toBe('');

    killShell('SIGTERM');
    await ended();
    expect(lines.all.at(-1)).toBe('Goodbye.');
  });

  // On Node.js the script itself is the server.
  if (SETTING.runtime === 'bun') {
    it('stops when the script was killed', async () => {
      const { script, lines, ended } = await startInShell(ARGS);
      process.kill(script, 'SIGKILL');
      await ended();
      expect(lines.all.at(-1)).toBe('Goodbye.');
    });

    it.each(['SIGINT', 'SIGTERM'] as const)('forwards %s, and exits like the server', async (signal) => {
      const { program } = await start((env) => startProgram(START_SCRIPT, { args: ARGS, env }));
      program.kill(signal);
      expect(await program.ended(25_000)).toEqual({ code: 0, signal: null });
      expect(program.messages.all.at(-1)).toBe('Goodbye.');
    });
  }
});

describe('the program of the chat', () => {
  let one: Started;
  let other: Started;
  let given: Started;
  let withoutRedis: { program: Program; redis: number };

  beforeAll(async () => {
    const [port, redis] = [await unusedPort(), await unusedPort()];
    // It retries for ten seconds, while the other tests run.
    withoutRedis = { program: runChat({ PORT: `${port}`, REDIS_URL: `redis://:hush@127.0.0.1:${redis}` }), redis };
    const options = { OPERATOR_TOKEN: 'mine', HOST: '127.0.0.1' };
    [one, other, given] = await Promise.all([start(), start(), start(runChat, options)]);
  });

  it('creates new secrets at each start, unless they are set', async () => {
    const tokenOf = ({ lines }: Started) => /token is (\S+)\. /.exec(lines.join('\n'))?.[1];
    expect(tokenOf(one)).toMatch(/^[\w-]{32}$/);
    expect(tokenOf(one)).not.toBe(tokenOf(other));
    expect(tokenOf(given)).toBe('mine');
  });

  it.each(['SIGINT', 'SIGTERM'] as const)('stops on %s, even if repeated, with connected clients', async (signal) => {
    const { program, url } = signal === 'SIGINT' ? one : other;
    const { socket } = await ChatClient.enter(url, 'Ada', 'lobby');
    const gone = nextEvent<[string]>(socket, 'disconnect', { timeout: 10_000 });
    program.kill(signal);
    program.kill(signal);
    expect(await program.ended(25_000)).toEqual({ code: 0, signal: null });
    expect(program.messages.all.slice(-2)).toEqual(['Shutting down …', 'Goodbye.']);
    expect(program.stderr).toBe('');
    expect((await gone)[0]).toMatch(/^transport (close|error)$/);
    await expect(fetch(url)).rejects.toThrow();
  });

  it('listens on HOST', async () => {
    const { port } = new URL(given.url);
    expect(given.lines[0]).toBe(`The chat is ready on http://127.0.0.1:${port}`);
    expect((await fetch(`http://127.0.0.1:${port}/healthz`)).status).toBe(200);
    await expect(fetch(`http://[::1]:${port}/healthz`)).rejects.toThrow();
  });

  it('refuses an invalid PORT: a word, or a number that is too low, too high or not whole', async () => {
    const refusals = ['abc', '-1', '65536', '80.5'].map(async (port) => {
      const program = runChat({ PORT: port });
      expect(await program.ended(25_000), port).toEqual({ code: 1, signal: null });
      expect(program.stderr).toBe(`PORT must be a number from 0 to 65535, received "${port}".\n`);
      expect(program.messages.all, port).toEqual([]);
    });
    await Promise.all(refusals);
  });

  it('refuses an invalid address of Redis', async () => {
    const program = runChat({ REDIS_URL: 'localhost:6379' });
    expect(await program.ended(25_000)).toEqual({ code: 1, signal: null });
    expect(program.stderr).toBe('REDIS_URL must be an address such as redis://127.0.0.1:6379.\n');
  });

  it('reports a port in use, with its number and the fix', async () => {
    const another = createServer();
    defer(() => another.close());
    another.listen(0);
    await once(another, 'listening');
    const { port } = another.address() as { port: number };
    const program = runChat({ PORT: `${port}` });
    expect(await program.ended(25_000)).toEqual({ code: 1, signal: null });
    const free = port === 65_535 ? 3000 : port + 1;
    expect(program.stderr).toBe(
      `Port ${port} is in use by another program. Choose another one, for example: PORT=${free} ${START}\n`,
    );
  });

  it.each(['no-such-host.invalid', '192.0.2.1'])(
    'reports that HOST=%s is not an address of this machine',
    async (HOST) => {
      const program = runChat({ HOST, PORT: '0' });
      expect(await program.ended(25_000)).toEqual({ code: 1, signal: null });
      expect(program.stderr).toBe(
        `HOST must be an address of this machine, received "${HOST}". For example: HOST=127.0.0.1 ${START}\n`,
      );
    },
  );

  it('reports an unreachable Redis, without the password', async () => {
    const { program, redis } = withoutRedis;
    expect(await program.ended(20_000)).toEqual({ code: 1, signal: null });
    expect(program.stderr).toContain(`127.0.0.1:${redis}`);
    expect(program.stderr).not.toMatch(/hush|^ {4}at /m);
  });
});
