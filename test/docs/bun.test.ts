// npm test: bun
// npm run test:matrix: oldest-bun
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ServerOptions } from 'socket.io';
import { beforeAll, describe, expect, it } from 'vitest';
import { applyOptions } from '../../src/ingress/bun-options.js';
import type { IngressReport } from '../../src/ingress/reports.js';
import type { GuardOrigins } from '../../src/ports/runtime.js';
import type { EngineOptions } from '../../src/socketio/bun-types.js';
import { type PastedProject, PROJECT, pasteProject } from '../support/document.js';
import { eventually, unusedPort } from '../support/facts.js';
import type { Program } from '../support/process.js';
import { connectAuthenticated, TRANSPORTS } from '../support/server.js';

const PAGE = 'docs/bun.md';
const PROGRAMS = ['server.ts', 'engine.ts'];
const CLIENT = { path: '/io', auth: { token: 'let me in' } };

/** The defaults of the engine. */
const ENGINE: Readonly<EngineOptions> = {
  ...{ path: '/engine.io/', pingTimeout: 20_000, pingInterval: 25_000 },
  ...{ upgradeTimeout: 10_000, maxHttpBufferSize: 1_000_000 },
};
/** Every option of Socket.IO, switched on or different from the engine's default. The compiler reports a new option. */
const ALL: Readonly<Required<Record<keyof ServerOptions, unknown>>> = {
  ...{ path: '/io', serveClient: true, adapter: class {}, parser: {}, connectTimeout: 1, addTrailingSlash: true },
  ...{ pingTimeout: 1, pingInterval: 1, upgradeTimeout: 1, maxHttpBufferSize: 1, allowUpgrades: true, cookie: true },
  ...{ allowRequest: () => {}, transports: ['polling', 'websocket', 'webtransport'], perMessageDeflate: true },
  ...{ httpCompression: true, wsEngine: class {}, initialPacket: '', cors: {}, allowEIO3: true },
  ...{ destroyUpgrade: true, destroyUpgradeTimeout: 1, cleanupEmptyChildNamespaces: true },
  connectionStateRecovery: {},
};

let page = '';
let project: PastedProject;

beforeAll(async () => {
  [page, project] = await Promise.all([readFile(join(PROJECT, PAGE), 'utf8'), pasteProject(PAGE)]);
});

/** The cells of the rows of the first table below the line that begins with `start`. */
function tableAt(start: string): string[][] {
  const [, rows = ''] = page.split(`\n${start}`)[1]?.split(/^\|[-|]+\n/m) ?? [];
  const [table = ''] = /^\|.*(?:\n\|.*)*/.exec(rows) ?? [];
  return table.split('\n').map((row) =>
    row
      .slice(1, -1)
      .split('|')
      .map((cell) => cell.trim()),
  );
}

function reportsOf(engine: Partial<EngineOptions>, given: Readonly<Record<string, unknown>>): IngressReport[] {
  const reports: IngressReport[] = [];
  const report = (each: IngressReport) => reports.push(each);
  const guardOrigins: GuardOrigins = (cors) => ({ cors, admits: () => true });
  applyOptions({ ...ENGINE, ...engine }, given as Partial<ServerOptions>, guardOrigins, report);
  return reports;
}

async function start(name: string): Promise<{ url: string; program: Program }> {
  const port = await unusedPort();
  const program = await project.start(name, { runtime: 'bun', replace: { 3000: port } });
  const url = `http://localhost:${port}`;
  await eventually(async () => (await fetch(`${url}/io/?EIO=4&transport=polling`)).ok, { timeout: 20_000 });
  return { url, program };
}

describe('the programs of docs/bun.md', () => {
  it('are all there, and compile', () => {
    expect(project.files).toEqual(PROGRAMS);
    expect(project.compiled).toBe('');
  });

  it.each(PROGRAMS)('%s serves on each transport, and exits on SIGTERM', async (name) => {
    const { url, program } = await start(name);
    const clients = [];
    for (const transports of TRANSPORTS) {
      clients.push(await connectAuthenticated(url, { ...CLIENT, transports: [...transports] }));
    }
    expect((await fetch(url)).status).toBe(name === 'server.ts' ? 200 : 404);
    program.kill('SIGTERM');
    for (const client of clients) expect(await client.heardOf('disconnect')).toMatch(/^transport (close|error)$/);
    expect(await program.ended(10_000)).toEqual({ code: 0, signal: null });
    expect(program.stderr).toBe('');
  });
});

describe('the options of docs/bun.md', () => {
  it('that Bun does not support are exactly those reported, with their reasons', () => {
    const told = tableAt('Options of `serverOptions` without effect')
      .flatMap(([names = '', why]) => names.split(', ').map((name) => `${name.replaceAll('`', '')}: ${why}`))
      .sort();
    const reported = reportsOf({}, ALL).map((report) =>
      report.type === 'option_ignored'
        ? `${report.option.replace('serverOptions.', '')}: ${report.reason}`
        : report.type,
    );
    expect(told).toEqual(reported.sort());
  });

  it('that both sides set are taken from serverOptions, and reported in the page’s words', () => {
    const reports = reportsOf({ pingTimeout: 5_000, pingInterval: 7_000 }, { pingTimeout: 6_000 });
    expect(reports).toHaveLength(1);
    const [{ option, reason }] = reports as [Extract<IngressReport, { type: 'option_ignored' }>];
    expect(page).toContain(`\`option "${option}" has no effect: ${reason}\``);
  });
});

describe('the table of docs/bun.md', () => {
  it('gives a reason for each difference, and an issue for each defect', () => {
    const rows = tableAt('## Node.js and Bun, side by side').filter(([first = '']) => !first.startsWith('**'));
    expect(rows.length).toBeGreaterThan(20);
    for (const cells of rows) {
      expect(cells).toHaveLength(4);
      const [, onNode, onBun, why = ''] = cells;
      if (onNode !== onBun) expect(why).not.toBe('');
      if (why.startsWith('fixed here:')) expect(why).toMatch(/not reported upstream|https:\/\/github\.com\//i);
    }
  });
});
