// npm test: node
// npm run test:matrix: newest-node
import { describe, expect, it, vi } from 'vitest';
import { OutageReporter } from '../../src/backplane/outage-reporter.js';
import { Outages } from '../../src/backplane/redis/outages.js';
import { createReportOnce } from '../../src/backplane/redis/report-once.js';
import type { BackplaneReport } from '../../src/backplane/reports.js';
import { defer } from '../support/cleanup.js';

const NONE = { dropped: 0, uncertain: 0 };

function setUp() {
  const reports: BackplaneReport[] = [];
  return { reports, outage: new OutageReporter('publisher', (report) => reports.push(report)) };
}

describe('an outage', () => {
  it('is reported once, with its first error, however often it is noticed', () => {
    const { reports, outage } = setUp();
    const error = new Error('refused');
    outage.begin(error);
    outage.begin(new Error('refused again'));
    expect(outage.lasts).toBe(true);
    expect(reports).toEqual([{ type: 'backplane_disconnected', connection: 'publisher', error }]);
  });

  it('reports each further reason once, and starts over with the next outage', () => {
    const { reports, outage } = setUp();
    outage.failing(new Error('refused'));
    expect(reports).toEqual([]);
    outage.begin(new Error('closed'));
    for (const reason of ['closed', 'refused', 'WRONGPASS', 'refused']) outage.failing(new Error(reason));
    outage.end(NONE);
    outage.failing(new Error('refused'));
    outage.begin(new Error('closed'));
    outage.failing(new Error('refused'));
    const told = reports.flatMap((report) => (report.type === 'backplane_reconnect_failed' ? [report.error] : []));
    expect(told.map(String)).toEqual(['Error: refused', 'Error: WRONGPASS', 'Error: refused']);
  });

  it('reports a bounded number of reasons', () => {
    const { reports, outage } = setUp();
    outage.begin(new Error('closed'));
    for (let port = 0; port < 100; port++) outage.failing(new Error(`refused at port ${port}`));
    expect(reports.length).toBeLessThan(25);
  });

  it('is reported as over once, with its duration and its losses', () => {
    const { reports, outage } = setUp();
    outage.begin(new Error('refused'));
    outage.end({ dropped: 3, uncertain: 1 });
    outage.end(NONE);
    expect(outage.lasts).toBe(false);
    expect(reports.slice(1)).toEqual([
      { type: 'backplane_reconnected', connection: 'publisher', afterMs: expect.any(Number), dropped: 3, uncertain: 1 },
    ]);
  });

  it('that never began is not reported, and the next one is', () => {
    const { reports, outage } = setUp();
    outage.end(NONE);
    expect(reports).toEqual([]);
    outage.begin(new Error('refused'));
    outage.end(NONE);
    outage.begin(new Error('refused'));
    expect(reports.map(({ type }) => type)).toEqual([
      'backplane_disconnected',
      'backplane_reconnected',
      'backplane_disconnected',
    ]);
  });
});

describe('an outage of several connections', () => {
  function lose(...names: string[]) {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
    defer(() => vi.useRealTimers());
    const reports: BackplaneReport[] = [];
    const outages = new Outages('127.0.0.1:6379', (report) => reports.push(report));
    for (const name of names) outages.lost(name, new Error('closed'));
    return { outages, typesAfter: (ms: number) => vi.advanceTimersByTime(ms) && reports.map(({ type }) => type) };
  }

  it('is reported once, and as over only when the last connection is back', () => {
    const { outages, typesAfter } = lose('publisher', 'subscriber');
    expect(typesAfter(1_000)).toEqual(['backplane_outage_began']);
    outages.restored('publisher', NONE);
    expect(typesAfter(10_000)).toEqual(['backplane_outage_began']);
    outages.restored('subscriber', NONE);
    expect(typesAfter(1_000)).toEqual(['backplane_outage_began', 'backplane_outage_ended']);
  });

  it('goes on if a connection is lost right after the last one was back', () => {
    const { outages, typesAfter } = lose('publisher');
    expect(typesAfter(1_000)).toEqual(['backplane_outage_began']);
    outages.restored('publisher', NONE);
    outages.lost('subscriber', new Error('closed'));
    expect(typesAfter(10_000)).toEqual(['backplane_outage_began']);
  });
});

it('each command that Redis refuses is reported once', () => {
  const reports: BackplaneReport[] = [];
  const reportOnce = createReportOnce((report) => reports.push(report));
  for (const command of ['info', 'client', 'info', 'client']) reportOnce(command, 'it goes without', new Error('no'));
  expect(reports.map((report) => 'command' in report && report.command)).toEqual(['info', 'client']);
});
