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

  it('is not written with `false`, and says so if an error has no readable text', () => {
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
    expect(warn.mock.calls).toEqual([
      ['[roomgate] one: authenticateFn failed for client c: an error without a readable text'],
      [expect.stringContaining('Error: no such table')],
    ]);
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
    expect(lines.at(-1)).toMatch(/\(5 more lines of this kind were withheld before this one\)$/);
  });

  it('counts as a line only if it has a text', () => {
    const lines: string[] = [];
    const write = (line: string) => void lines.push(line);
    const report = createLogReporter(LINES, 'one', { debug: write, info: write, warn: write, error: write });
    for (let time = 0; time < 25; time++) report({ type: 'client_disconnected', client: 'c', reason: 'refused' });
    expect(lines).toEqual([]);
    report({ type: 'client_disconnected', client: 'c', reason: 'transport close' });
    expect(lines).toEqual([expect.stringMatching(/transport close$/)]);
  });

  it('limits lines at info, but neither debug lines nor requested lines', () => {
    const lines: string[] = [];
    const write = (line: string) => void lines.push(line);
    const report = createLogReporter(LINES, 'one', { debug: write, info: write, warn: write, error: write });
    for (let time = 0; time < 25; time++)
      report({ type: 'client_disconnected', client: 'c', reason: 'transport close' });
    expect(lines.splice(0)).toHaveLength(20);
    for (let time = 0; time < 25; time++) report(connected);
    expect(lines.splice(0)).toHaveLength(25);
    for (let time = 0; time < 25; time++) report({ type: 'message_sent', topic: 'x', destination: 'every client' });
    expect(lines).toHaveLength(25);
  });

  it('escapes and cuts names of rooms, and names only some of them', () => {
    const lines: string[] = [];
    const write = (line: string) => void lines.push(line);
    const report = createLogReporter(LINES, 'one', { debug: write, info: write, warn: write, error: write });
    const names = ['a\nb', 'x'.repeat(1_000), '', 'c', 'd', 'e', 'f'];
    const rooms = names.map((room) => ({ room, code: room === '' ? 'invalid_name' : 'not_allowed' }));
    report({ type: 'rooms_refused', client: 'c', request: 'join', codes: ['not_allowed', 'invalid_name'], rooms });
    expect(lines[0]).toMatch(
      /join refused for client c: "a\\nb" \(not_allowed\), "x{200}… \(1000 characters\)" \(not_allowed\), "" \(invalid_name\), "c" \(not_allowed\), "d" \(not_allowed\) and 2 more$/,
    );
    const whole = [{ room: '', code: 'invalid_payload' }];
    report({ type: 'rooms_refused', client: 'c', request: 'leave', codes: ['invalid_payload'], rooms: whole });
    expect(lines[1]).toMatch(/leave refused for client c: invalid_payload$/);
  });
});
