// npm test: node

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { SocketIOClientHelper } from '../../src/client/client-helper.js';
import { DEFAULT_LIMITS } from '../../src/protocol/limits.js';
import { track } from '../support/cleanup.js';
import { codeBlocksOf, type PastedProject, PROJECT, pasteProject } from '../support/document.js';
import { unusedPort } from '../support/facts.js';

const PAGE = 'docs/limits.md';

let project: PastedProject;

beforeAll(async () => {
  project = await pasteProject(PAGE);
});

describe(PAGE, () => {
  it('has a row for each limit, with its default', async () => {
    const text = await readFile(join(PROJECT, PAGE), 'utf8');
    const rows = [...text.matchAll(/^\| `(\w+)` \| (no limit|[\d ]+\d)[^|]*\| [^|]+\| [^|]+\| [^|]+\| [^|]+\|$/gm)];
    const found = rows.map(([, name = '', value = '']) => {
      return [name, value === 'no limit' ? Number.POSITIVE_INFINITY : Number(value.replaceAll(' ', ''))] as const;
    });
    expect(Object.fromEntries(found)).toEqual(DEFAULT_LIMITS);
  });

  it('compiles unchanged, and explains as it shows', async () => {
    expect(project.compiled).toBe('');
    const port = await unusedPort();
    const program = await project.start('explain.ts', { env: { PORT: `${port}` } });
    await program.messages.next((line) => line === 'listening', { timeout: 15_000 });
    const host = `http://127.0.0.1:${port}`;
    const ada = new SocketIOClientHelper({
      identifier: 'ada',
      host,
      options: { path: '/io' },
      credentials: () => ({ token: 'token of ada' }),
      logger: false,
    });
    track({ stop: () => ada.shutdown() });
    await ada.waitFor('authenticated', { timeout: 15_000 });
    await ada.joinRooms({ rooms: ['public/news'] });
    const found = (await (await fetch(`${host}/?user=ada`)).json()) as object;
    const shown = (await codeBlocksOf(PAGE)).find(({ code }) => code.includes('"truncated"'));
    const wanted = JSON.parse(shown?.code ?? '') as { bars: unknown[] };
    expect(shapeOf(found)).toEqual(shapeOf({ ...wanted, bars: [] }));
    expect((await fetch(host)).status).toBe(400);
    const elsewhere = (await (await fetch(`${host}/?user=ada&room=other`)).json()) as { connections: { rooms: [] }[] };
    expect(elsewhere.connections.map(({ rooms }) => rooms)).toEqual([[]]);
    program.kill('SIGTERM');
    expect(await program.ended(10_000)).toEqual({ code: 0, signal: null });
  });
});

/** Without ids and times, which differ. */
function shapeOf(value: object): unknown {
  return JSON.parse(
    JSON.stringify(value, (key, it: unknown) =>
      typeof it === 'number' && key !== 'instances' ? 'a time' : key === 'id' ? 'an id' : it,
    ),
  );
}
