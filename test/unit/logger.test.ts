// npm test: node
// npm run test:matrix: newest-node
import { pino } from 'pino';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { createLogReporter } from '../../src/observability/logger.js';
import { LINES } from '../../src/server/reports.js';

const refusal = { type: 'authenticate_fn_failed', client: 'c', error: new Error('no such table') } as const;
const connected = { type: 'client_connected', client: 'c' } as const;

describe('a report’s log line', () => {
  it('goes to pino at its level', () => {
    const lines: { level: number; msg: string }[] = [];
    const logger = pino({ level: 'debug' }, { write: (line: string) => lines.push(JSON.parse(line)) });
    const report = createLogReporter(LINES, 'one', logger);
    report(refusal);
    report(connected);
    expect(lines).toMatchObject([
      { level: 50, msg: expect.stringMatching(/one: authenticateFn failed for client c: Error: no such table/) },
      { level: 20, msg: '[roomgate] one: client c connected' },
    ]);
  });

  it('goes to the console by default if it is a warning or error', () => {
    const calls: string[] = [];
    for (const level of ['debug', 'info', 'log', 'warn', 'error'] as const) {
      const spy = vi.spyOn(console, level).mockImplementation(() => {
        calls.push(level);
      });
      onTestFinished(() => spy.mockRestore());
    }
    const report = createLogReporter(LINES, 'one');
    report(connected);
    report({ type: 'configured', path: '/io', runtime: 'node', redis: false });
    report({ type: 'message_dropped', topic: 'x' });
    report(refusal);
    report({ type: 'message_sent', topic: 'x', destination: 'every client' });
    expect(calls).toEqual(['warn', 'error', 'info']);
  });

  it('goes nowhere with false, and an error that can not be converted to text does no harm', () => {
    createLogReporter(LINES, 'one', false)(refusal);
    const warn = vi.fn();
    const report = createLogReporter(LINES, 'one', { debug: warn, info: warn, warn, error: warn });
    const hostile = new Proxy(new Error('x'), {
      get: () => {
        throw new Error('hostile');
      },
    });
    expect(() => report({ ...refusal, error: hostile })).not.toThrow();
    report(refusal);
    expect(warn).toHaveBeenCalledTimes(1);
  });

  it('is written at most twenty times in ten seconds for each type, then counted', () => {
    vi.useFakeTimers({ toFake: ['performance'] });
    onTestFinished(() => {
      vi.useRealTimers();
    });
    const lines: string[] = [];
    const write = (line: string) => void lines.push(line);
    const report = createLogReporter(LINES, 'one', { debug: write, info: write, warn: write, error: write });
    for (let time = 0; time < 25; time++) report(refusal);
    report({ type: 'message_dropped', topic: 'x' });
    expect(lines).toHaveLength(21);
    vi.advanceTimersByTime(10_001);
    report(refusal);
    expect(lines.at(-1)).toMatch(/\(and 5 more like it before\)$/);
  });
});
