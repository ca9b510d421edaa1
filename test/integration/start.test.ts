import { once } from 'node:events';
import { createServer } from 'node:net';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { UNAUTHENTICATED_ERRORS } from '../../src/protocol/errors.js';
import { spawnTethered } from '../support/children.js';
import { defer } from '../support/cleanup.js';
import { EventLog, unusedPort, within } from '../support/facts.js';
import { type IProgram, startProgram } from '../support/process.js';
import { connect } from '../support/server.js';

const SCRIPT = new URL('../../scripts/start.mjs', import.meta.url);

/** It builds first. */
const PATIENCE = { timeout: 25_000, what: 'the end of the session' };

async function start(): Promise<{ program: IProgram; url: string; lines: string[] }> {
  const port = await unusedPort();
  const program = startProgram(SCRIPT, { env: { PORT: `${port}` } });
  await program.messages.next((line) => String(line).startsWith('The session went well'), PATIENCE);
  return { program, url: `http://localhost:${port}`, lines: program.messages.all.map(String) };
}

describe('npm start', () => {
  it('plays the session, tells each step, and stays up', async () => {
    const { program, url, lines } = await start();
    expect(lines[0]).toBe(`Roomgate is ready on ${url}`);
    const told = [
      'Ada shows a good token and is let in.',
      'Ben shows a good token and is let in. The server tells everybody; Ada hears: Ben is here.',
      `Eve shows a wrong token and is refused: "${UNAUTHENTICATED_ERRORS.refused.text}"`,
      'Eve was connected all the while, and heard 0 messages.',
      'Ada asks for the kitchen and is in: kitchen.',
      'Ben asks for the kitchen and the cellar and is in: kitchen.',
      'The cellar is refused: "This room is not open to you."',
      'Ada writes to the kitchen, and Ben reads: "Tea is ready."',
    ];
    expect(lines.filter((line) => line.startsWith('  ✓ ')).map((line) => line.slice(4))).toEqual([
      expect.stringContaining('connect'),
      ...told,
    ]);
    expect(program.stderr).toBe('');

    const page = await fetch(url);
    expect([page.status, page.headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8']);
    expect(await page.text()).toContain('Roomgate is running');
    expect((await fetch(`${url}/other`)).status).toBe(404);
    const client = connect(url, { auth: { token: 'ben-token' } });
    await client.heardOf('connect');
    client.socket.emit('authenticate');
    expect(await client.heardOf('arrived')).toEqual({ name: 'Ben' });
  });

  it.each(['SIGINT', 'SIGTERM'] as const)(
    'stops on %s, however often it comes, with clients connected',
    async (signal) => {
      const { program, url } = await start();
      const client = connect(url, { auth: { token: 'ada-token' }, transports: ['websocket'] });
      await client.heardOf('connect');
      program.kill(signal);
      program.kill(signal);
      expect(await program.ended(10_000)).toEqual({ code: 0, signal: null });
      expect(program.messages.all.filter((line) => line === 'Goodbye.')).toHaveLength(1);
      expect(await client.heardOf('disconnect')).toMatch(/^transport (close|error)$/);
      await expect(fetch(url)).rejects.toThrow();
    },
  );

  it('stops when npm and its shell are gone', async () => {
    const port = await unusedPort();
    const { child, exited } = spawnTethered(
      'sh',
      ['-c', `"${process.execPath}" "${fileURLToPath(SCRIPT)}" & echo $!; wait`],
      {
        env: { ...process.env, PORT: `${port}`, npm_lifecycle_event: 'start' },
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    );
    const lines = new EventLog<string>();
    if (child.stdout !== null) createInterface(child.stdout).on('line', (line) => lines.push(line));
    const pid = Number(await lines.next());
    let over = false;
    defer(() => over || process.kill(pid, 'SIGKILL'));
    await lines.next((line) => line.startsWith('The session went well'), PATIENCE);
    child.kill('SIGTERM');
    // Its output is that of the shell: it has ended when the last of them has.
    await within(exited, 'the end of the server', 10_000);
    over = true;
    expect(lines.all.at(-1)).toBe('Goodbye.');
  });

  it('says so where the port is taken, naming it and the way out', async () => {
    const other = createServer();
    defer(() => other.close());
    other.listen(0);
    await once(other, 'listening');
    const { port } = other.address() as { port: number };
    const program = startProgram(SCRIPT, { env: { PORT: `${port}` } });
    expect(await program.ended(25_000)).toEqual({ code: 1, signal: null });
    const another = port === 65_535 ? 3000 : port + 1;
    expect(program.stderr).toBe(
      `Port ${port} is taken by another program. Choose another one, for example: PORT=${another} npm start\n`,
    );
  });

  it.each(['abc', '-1', '65536', '80.5'])('refuses %s as a port', async (port) => {
    const program = startProgram(SCRIPT, { env: { PORT: port } });
    expect(await program.ended(10_000)).toEqual({ code: 1, signal: null });
    expect(program.stderr).toContain(`"${port}" was given`);
    expect(program.messages.all).toEqual([]);
  });
});
