// npm test: node
import { beforeAll, describe, expect, it } from 'vitest';
import { type PastedProject, pasteProject } from '../../support/document.js';
import { unusedPort } from '../../support/facts.js';

const SLOW = { timeout: 15_000 };

let project: PastedProject;

beforeAll(async () => {
  project = await pasteProject('docs/recipes/handlers.md');
});

describe('docs/recipes/handlers.md', () => {
  it('prints the documented output', async () => {
    const port = await unusedPort();
    const server = await project.start('server.ts', { env: { PORT: `${port}` } });
    await server.messages.next((line) => line === `listening on ${port}`, SLOW);
    const SERVER = `http://127.0.0.1:${port}`;
    const ada = await project.start('client.ts', { env: { SERVER } });
    const invalid = 'invalid: [{"path":"text","code":"invalid_type"}]';
    for (const line of [
      'not_in_room: You are not in the room of this event.',
      'said: 1',
      invalid,
      'internal: Something went wrong on the server.',
    ]) {
      expect(await ada.messages.next(undefined, SLOW)).toBe(line);
    }
    const bob = await project.start('client.ts', { env: { SERVER, TOKEN: 'token of bob' } });
    for (const line of [
      'not_in_room: You are not in the room of this event.',
      'muted: {"until":"tomorrow"}',
      invalid,
      'internal: Something went wrong on the server.',
    ]) {
      expect(await bob.messages.next(undefined, SLOW)).toBe(line);
    }
    expect((await ada.ended(10_000)).code).toBe(0);
    server.kill('SIGTERM');
    expect(await server.ended(10_000)).toEqual({ code: 0, signal: null });
    expect(server.stderr).toContain('the handler of "broken" failed for client');
    expect([ada.stderr, bob.stderr]).toEqual(['', '']);
  });
});
