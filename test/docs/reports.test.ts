// npm test: node
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import type { EmitterReport } from '../../src/backplane/redis/emitter.js';
import { LINES, type Report } from '../../src/server/reports.js';
import { PROJECT, pasteProject } from '../support/document.js';
import { REPORTS } from '../support/reports.js';

const PAGE = 'docs/reports.md';

/** The reports of an emitter. The compiler reports a missing or surplus one. */
const OF_EMITTER: Readonly<Record<EmitterReport['type'], true>> = {
  handler_failed: true,
  option_ignored: true,
  option_unusual: true,
  message_sent: true,
  message_dropped: true,
  backplane_disconnected: true,
  backplane_reconnect_failed: true,
  backplane_reconnected: true,
  backplane_messages_undelivered: true,
  backplane_waiting: true,
  backplane_outage_began: true,
  backplane_outage_continues: true,
  backplane_outage_ended: true,
  backplane_command_refused: true,
};

interface Row {
  readonly report: string;
  readonly level: string;
  /** Optional fields end in a question mark. */
  readonly fields: readonly string[];
}

let page = '';

beforeAll(async () => {
  page = await readFile(join(PROJECT, PAGE), 'utf8');
});

/** The rows of all tables of reports. */
function rows(): Row[] {
  const found = page.matchAll(/^\| `(\w+)` \| (debug|info|warn|error) \| .+ \| (.*?) ?\|$/gm);
  return [...found].map(([, report = '', level = '', cell = '']) => ({
    report,
    level,
    fields: [...cell.matchAll(/`(\w+)`(\??)/g)].map(([, name, mark]) => `${name}${mark}`).sort(),
  }));
}

/** The expected row for the samples of one report. */
function rowOf(report: Report['type'], samples: readonly Report[]): Row {
  const names = new Set(samples.flatMap((sample) => Object.keys(sample)));
  names.delete('type');
  const fields = [...names].map((name) => (samples.every((sample) => name in sample) ? name : `${name}?`)).sort();
  return { report, level: LINES[report][0], fields };
}

function byName(one: Row, other: Row): number {
  return one.report < other.report ? -1 : 1;
}

describe('docs/reports.md', () => {
  it('has a row for every report, with its level and fields', () => {
    const wanted = (Object.keys(REPORTS) as Report['type'][]).map((type) => rowOf(type, REPORTS[type]));
    expect(rows().sort(byName)).toEqual(wanted.sort(byName));
  });

  it('names the reports of SocketIOEmitterHelper', () => {
    const [, list = ''] = /^`SocketIOEmitterHelper` reports (.*?)\.$/ms.exec(page) ?? [];
    expect([...list.matchAll(/`(\w+)`/g)].map(([, name]) => name)).toEqual(Object.keys(OF_EMITTER));
  });

  it('has a program that compiles', async () => {
    expect((await pasteProject(PAGE)).compiled).toBe('');
  });
});
