// npm test: node
import { beforeAll, describe, expect, it } from 'vitest';
import { codeBlocksOf, type PastedProject, pasteProject } from '../../support/document.js';
import { eventually, unusedPort } from '../../support/facts.js';

const PAGE = 'docs/recipes/metrics.md';
const SLOW = { timeout: 15_000 };

let project: PastedProject;

beforeAll(async () => {
  project = await pasteProject(PAGE);
});

describe('docs/recipes/metrics.md', () => {
  it('compiles as it stands', () => {
    expect(project.files).toEqual(['metrics.ts', 'server.ts', 'client.ts']);
    expect(project.compiled).toBe('');
  });

  it('shows what the page says after its two clients', async () => {
    const port = await unusedPort();
    const SERVER = `http://127.0.0.1:${port}`;
    const server = await project.start('server.ts', { env: { PORT: `${port}` } });
    await server.messages.next((line) => line === `listening on ${port}`, SLOW);
    const friend = await project.start('client.ts', { env: { SERVER } });
    await friend.messages.next((line) => line === 'authenticated', SLOW);
    const stranger = await project.start('client.ts', { env: { SERVER, TOKEN: 'other' } });
    await stranger.messages.next((line) => line === 'refused', SLOW);
    const blocks = await codeBlocksOf(PAGE);
    const shown = blocks.find(({ code }) => code.startsWith('# TYPE'))?.code;
    const metrics = async () => await (await fetch(`${SERVER}/metrics`)).text();
    await eventually(async () => (await metrics()) === shown, { what: 'the metrics of the page', ...SLOW }).catch(
      () => {},
    );
    expect(await metrics()).toBe(shown);
    server.kill('SIGTERM');
    expect(await server.ended(10_000)).toEqual({ code: 0, signal: null });
    expect(server.stderr).toBe('');
  });
});
