// npm test: node
// npm run test:matrix: newest-node
import { describe, expect, it } from 'vitest';
import { OutageReporter } from '../../src/backplane/outage-reporter.js';
import { createReportOnce } from '../../src/backplane/redis/report-once.js';
import { reportedError } from '../../src/backplane/reported-error.js';
import type { BackplaneReport } from '../../src/backplane/reports.js';

const SECRET = 'the password';

/** Like ioredis creates it. */
function replyError(message: string): Error {
  const error = Object.assign(new Error(message), { command: { name: 'auth', args: [SECRET] }, code: 'ECONNRESET' });
  error.name = 'ReplyError';
  return error;
}

/** All text that a program can read from it. */
function insideOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const all = Object.getOwnPropertyNames(error).map((name) => [name, Reflect.get(error, name)]);
  return JSON.stringify(all);
}

describe('an error of Redis in a report', () => {
  it('keeps name, message, stack and code, and drops the arguments of its command', () => {
    const error = reportedError(replyError('WRONGPASS invalid username-password pair'));
    expect(error).toMatchObject({
      ...{ name: 'ReplyError', message: 'WRONGPASS invalid username-password pair', code: 'ECONNRESET' },
      stack: expect.stringContaining('reported-error.test'),
    });
    expect(insideOf(error)).not.toContain(SECRET);
  });

  it('drops the arguments that Redis repeats for an unknown command', () => {
    const error = reportedError(
      replyError(`ERR unknown command 'publish', with args beginning with: 'c' '${SECRET}' `),
    );
    expect(error).toMatchObject({ message: "ERR unknown command 'publish'" });
    expect(insideOf(error)).not.toContain(SECRET);
  });

  it('drops its cause, which has arguments too', () => {
    const error = reportedError(new Error('refused', { cause: replyError('NOAUTH') }));
    expect(error).not.toHaveProperty('cause');
  });

  it('stays unchanged if it is not an error', () => {
    expect(reportedError(undefined)).toBeUndefined();
    expect(reportedError('text')).toBe('text');
  });

  it('is redacted in every report that has one', () => {
    const reports: BackplaneReport[] = [];
    const report = (one: BackplaneReport): void => void reports.push(one);
    const outage = new OutageReporter('publisher', report);
    outage.begin(replyError('first'));
    outage.failing(replyError('second'));
    createReportOnce(report)('ZADD', 'nothing', replyError('third'));
    const errors = reports.map((one) => ('error' in one ? insideOf(one.error) : 'none'));
    expect(errors).toEqual(['first', 'second', 'third'].map((message) => expect.stringContaining(message)));
    expect(errors.join()).not.toContain(SECRET);
  });
});
