// npm test: node
// npm run test:matrix: newest-node
import { describe, expect, it } from 'vitest';
import { createLimited } from '../../src/backplane/limited.js';
import { Outage } from '../../src/backplane/outage.js';
import type { TReport } from '../../src/server/ports.js';

const NONE = { dropped: 0, uncertain: 0 };

function setUp() {
  const reports: TReport[] = [];
  return { reports, outage: new Outage('publisher', (report) => reports.push(report)) };
}

describe('an outage', () => {
  it('is reported once, with its first error, however often it is noticed', () => {
    const { reports, outage } = setUp();
    const error = new Error('refused');
    outage.begin(error);
    outage.begin(new Error('refused again'));
    expect(outage.lasts).toBe(true);
    expect(reports).toEqual([{ type: 'backplane_lost', connection: 'publisher', error }]);
  });

  it('is reported as over once, with its duration and its losses', () => {
    const { reports, outage } = setUp();
    outage.begin(new Error('refused'));
    outage.end({ dropped: 3, uncertain: 1 });
    outage.end(NONE);
    expect(outage.lasts).toBe(false);
    expect(reports.slice(1)).toEqual([
      { type: 'backplane_restored', connection: 'publisher', afterMs: expect.any(Number), dropped: 3, uncertain: 1 },
    ]);
  });

  it('that never began is not reported, and the next one is', () => {
    const { reports, outage } = setUp();
    outage.end(NONE);
    expect(reports).toEqual([]);
    outage.begin(new Error('refused'));
    outage.end(NONE);
    outage.begin(new Error('refused'));
    expect(reports.map(({ type }) => type)).toEqual(['backplane_lost', 'backplane_restored', 'backplane_lost']);
  });
});

it('each command that Redis refuses is reported once', () => {
  const reports: TReport[] = [];
  const limited = createLimited((report) => reports.push(report));
  for (const command of ['info', 'client', 'info', 'client']) limited(command, 'it goes without', new Error('no'));
  expect(reports.map((report) => 'command' in report && report.command)).toEqual(['info', 'client']);
});
