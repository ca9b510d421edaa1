// npm test: node
// npm run test:matrix: newest-node
import { describe, expect, it } from 'vitest';
import { createReporter } from '../../src/observability/reporter.js';
import { LINES, type Report } from '../../src/server/reports.js';
import { LogLines } from '../support/log-lines.js';

const connected: Report = { type: 'client_connected', client: 'c' };
const dropped: Report = { type: 'message_dropped', topic: 'x' };

function newReporter(onReport: (report: Report) => unknown, logger: LogLines | false = new LogLines()) {
  return createReporter<Report>({ lines: LINES, identifier: 'one', logger, onReport });
}

describe('onReport', () => {
  it('receives every report at once and in order, even those that are not logged', () => {
    const heard: Report[] = [];
    const log = new LogLines();
    const report = newReporter((one) => heard.push(one), log);
    report(connected);
    expect(heard).toEqual([connected]);
    report(dropped);
    expect(heard).toEqual([connected, dropped]);
    expect(log.lines).toHaveLength(2);

    const unlogged: Report[] = [];
    newReporter((one) => unlogged.push(one), false)(connected);
    expect(unlogged).toEqual([connected]);
  });

  it('receives more reports of one type than are logged', () => {
    const heard: Report[] = [];
    const log = new LogLines();
    const report = newReporter((one) => heard.push(one), log);
    for (let time = 0; time < 25; time++) report(dropped);
    expect(heard).toHaveLength(25);
    expect(log.lines).toHaveLength(20);
  });

  it.each([
    [
      'throws',
      () => {
        throw new Error('of the program');
      },
    ],
    ['rejects', () => Promise.reject(new Error('of the program'))],
    [
      'returns a promise of another library that rejects',
      // biome-ignore lint/suspicious/noThenProperty: a promise of another library is an object with `then`
      () => ({ then: (_: unknown, reject: (error: Error) => void) => reject(new Error('of the program')) }),
    ],
  ])('that %s is logged once, and still receives later reports', async (_, fail) => {
    const heard: Report[] = [];
    const log = new LogLines();
    const report = newReporter((one) => {
      heard.push(one);
      return fail();
    }, log);
    expect(() => [report(dropped), report(dropped)]).not.toThrow();
    await new Promise(setImmediate);
    expect(heard).toEqual([dropped, dropped]);
    expect(log.lines.filter((line) => line.startsWith('error'))).toEqual([
      expect.stringContaining('one: onReport failed: Error: of the program'),
    ]);
  });

  it('that causes a report itself does not end the process', () => {
    const log = new LogLines();
    let depth = 0;
    const report = newReporter(() => {
      depth += 1;
      report(connected);
    }, log);
    expect(() => report(connected)).not.toThrow();
    expect(depth).toBeGreaterThan(1);
  });
});
