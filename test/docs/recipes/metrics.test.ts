// npm test: node
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { register } from 'prom-client';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Report } from '../../../src/index.js';
import { codeBlocksOf, type PastedProject, PROJECT, pasteProject } from '../../support/document.js';
import { eventually, unusedPort } from '../../support/facts.js';

const PAGE = 'docs/recipes/metrics.md';
const SLOW = { timeout: 15_000 };

let project: PastedProject;

beforeAll(async () => {
  project = await pasteProject(PAGE);
});

describe('docs/recipes/metrics.md', () => {
  it('compiles unchanged', () => {
    expect(project.files).toEqual(['metrics.ts', 'server.ts', 'client.ts', 'prom.ts', 'alerts.yml']);
    expect(project.compiled).toBe('');
  });

  it('shows the documented metrics after two clients', async () => {
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

  it('counts the same with prom-client as without', async () => {
    const plain = (await import(`${project.folder}/out/metrics.js`)) as Recipe & { metricsText(): string };
    const prom = (await import(`${project.folder}/out/prom.js`)) as Recipe;
    for (const report of REPORTS) {
      plain.onReport(report);
      prom.onReport(report);
    }
    const values = (text: string) =>
      text
        .split('\n')
        .filter((line) => /^\w/.test(line))
        .map((line) => line.replace(',detail=""', ''))
        .sort();
    expect(values(plain.metricsText())).toEqual([
      'roomgate_clients 1',
      'roomgate_failures_total 1',
      'roomgate_lost_messages_total 5',
      'roomgate_redis_connected{connection="publisher"} 1',
      'roomgate_redis_connected{connection="subscriber"} 0',
      'roomgate_reports_total{type="backplane_disconnected",detail="publisher"} 1',
      'roomgate_reports_total{type="backplane_disconnected",detail="subscriber"} 1',
      'roomgate_reports_total{type="backplane_messages_missed"} 1',
      'roomgate_reports_total{type="backplane_reconnected",detail="publisher"} 1',
      'roomgate_reports_total{type="client_connected"} 2',
      'roomgate_reports_total{type="client_disconnected",detail="transport close"} 1',
      'roomgate_reports_total{type="handler_failed",detail="a listener"} 1',
    ]);
    expect(values(await register.metrics())).toEqual(values(plain.metricsText()));
  });

  it('alerts on metrics and reports that exist', async () => {
    const alerts = (await codeBlocksOf(PAGE)).find(({ name }) => name === 'alerts.yml')?.code ?? '';
    const { metricsText } = (await import(`${project.folder}/out/metrics.js`)) as { metricsText(): string };
    const metrics = [...metricsText().matchAll(/^# TYPE (\w+)/gm)].map(([, metric]) => metric);
    const named = [...alerts.matchAll(/\broomgate_\w+/g)].map(([metric]) => metric);
    expect(named.filter((metric) => !metrics.includes(metric))).toEqual([]);
    const reports = await readFile(join(PROJECT, 'docs/reports.md'), 'utf8');
    const types = [...alerts.matchAll(/type=~?"([^"]+)"/g)].flatMap(([, list = '']) => list.split('|'));
    expect(types.length).toBeGreaterThan(4);
    expect(types.filter((type) => !reports.includes(`\n| \`${type}\` |`))).toEqual([]);
  });
});

interface Recipe {
  onReport(report: Report): void;
}

const REPORTS: readonly Report[] = [
  { type: 'client_connected', client: 'one' },
  { type: 'client_connected', client: 'two' },
  { type: 'client_disconnected', client: 'two', reason: 'transport close' },
  { type: 'handler_failed', where: 'a listener', error: new Error('of a test') },
  { type: 'backplane_disconnected', connection: 'publisher' },
  { type: 'backplane_disconnected', connection: 'subscriber' },
  { type: 'backplane_reconnected', connection: 'publisher', afterMs: 7, dropped: 2, uncertain: 1 },
  { type: 'backplane_messages_missed', atLeast: 3, uncountedInstances: 0 },
];
