// npm test: node
import { beforeAll, describe, expect, it } from 'vitest';
import { type PastedProject, pasteProject } from '../../support/document.js';
import { unusedPort } from '../../support/facts.js';
import type { Program } from '../../support/process.js';

const SLOW = { timeout: 15_000 };

let project: PastedProject;
let server: Program;
let url: string;

beforeAll(async () => {
  project = await pasteProject('docs/recipes/sign-out-everywhere.md');
  const port = await unusedPort();
  url = `http://127.0.0.1:${port}`;
  server = await project.start('server.ts', { env: { PORT: `${port}` } });
  await server.messages.next((line) => line === `listening on ${port}`, SLOW);
});

async function startDevice(env: Readonly<Record<string, string>> = {}): Promise<Program> {
  const device = await project.start('client.ts', { env: { SERVER: url, ...env } });
  await device.messages.next((line) => String(line).trim() === 'authenticated', SLOW);
  return device;
}

const post = (path: string, token = ''): Promise<Response> =>
  fetch(url + path, { method: 'POST', headers: { authorization: `Bearer ${token}` } });

describe('docs/recipes/sign-out-everywhere.md', () => {
  it('compiles unchanged', () => {
    expect(project.compiled).toBe('');
  });

  it('ends the other devices, and the one that asked comes back with a new token', async () => {
    const others = [await startDevice(), await startDevice()];
    const asking = await startDevice({ EVERYWHERE: '1' });
    for (const other of others) {
      await other.messages.next((line) => line === 'refused You signed out on all devices.', SLOW);
      expect(await other.ended(15_000)).toEqual({ code: 0, signal: null });
    }
    await asking.messages.next((line) => line === 'disconnected signed out', SLOW);
    await asking.messages.next((line) => String(line).trim() === 'authenticated', SLOW);
    await startDevice();
    expect(asking.messages.all.filter((line) => String(line).startsWith('refused'))).toEqual([]);
  });

  it('accepts no token from before', async () => {
    const before = await (await post('/login?user=ada&password=difference%20engine')).text();
    const after = await post('/sign-out-everywhere', before);
    expect(after.status).toBe(200);
    expect((await post('/sign-out-everywhere', before)).status).toBe(401);
    expect((await post('/sign-out-everywhere', await after.text())).status).toBe(200);
  });

  it('refuses wrong accounts and tokens, and exits on SIGTERM without an error', async () => {
    for (const path of ['/login', '/login?user=ada', '/login?user=bob&password=', '/sign-out-everywhere', '/other']) {
      expect([path, (await post(path, 'guess')).status]).toEqual([path, 401]);
    }
    server.kill('SIGTERM');
    expect(await server.ended(10_000)).toEqual({ code: 0, signal: null });
    expect(server.stderr).toBe('');
  });
});
