// npm test: node
import { beforeAll, describe, expect, it } from 'vitest';
import { ANSWER_ERRORS } from '../../../src/protocol/errors.js';
import { type PastedProject, pasteProject } from '../../support/document.js';
import { unusedPort } from '../../support/facts.js';

const SLOW = { timeout: 15_000 };
const DOCUMENT = 'docs/recipes/contract.md';

let project: PastedProject;

beforeAll(async () => {
  project = await pasteProject(DOCUMENT);
});

describe(DOCUMENT, () => {
  it('prints the documented output', async () => {
    const port = await unusedPort();
    const server = await project.start('server.ts', { env: { PORT: `${port}` } });
    await server.messages.next((line) => line === `listening on ${port}`, SLOW);
    const client = await project.start('client.ts', { env: { SERVER: `http://127.0.0.1:${port}` } });
    expect(await client.ended(15_000)).toEqual({ code: 0, signal: null });
    expect(client.messages.all).toEqual([
      'ada: Tea?',
      'sent as 1',
      `invalid: ${ANSWER_ERRORS.invalid.text}`,
      '  text: too_small',
      `not_in_room: ${ANSWER_ERRORS.not_in_room.text}`,
      'quiet_hours: It is too late to talk here.',
      '  the handler may have run',
    ]);
    server.kill('SIGTERM');
    expect(await server.ended(10_000)).toEqual({ code: 0, signal: null });
    expect([server.stderr, client.stderr]).toEqual(['', '']);
  });
});
