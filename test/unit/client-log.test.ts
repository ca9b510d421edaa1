// npm test: node
// npm run test:matrix: newest-node
import { afterEach, describe, expect, it, vi } from 'vitest';
import { Log } from '../../src/client/log.js';

const LEVELS = ['debug', 'info', 'warn', 'error'] as const;

function spyOnConsole(): string[] {
  const lines: string[] = [];
  for (const level of [...LEVELS, 'log'] as const) {
    vi.spyOn(console, level).mockImplementation((line) => void lines.push(`${level}: ${line}`));
  }
  return lines;
}

afterEach(() => {
  vi.restoreAllMocks();
});

describe('the client’s log', () => {
  it('writes only warnings and errors to the console by default', () => {
    const lines = spyOnConsole();
    const log = new Log('tester');
    for (const level of LEVELS) log.write(level, 'text');
    expect(lines).toEqual(['warn: [roomgate] tester: text', 'error: [roomgate] tester: text']);
  });

  it('writes nothing with `logger: false`', async () => {
    const lines = spyOnConsole();
    const log = new Log('tester', false);
    for (const level of LEVELS) log.write(level, 'text');
    await log.run('code', () => Promise.reject(new Error('mistake')));
    expect(lines).toEqual([]);
  });

  it('calls the logger’s functions as methods', () => {
    const logger = {
      lines: [] as string[],
      debug(line: string) {
        this.lines.push(line);
      },
      info() {},
      warn() {},
      error() {},
    };
    new Log('tester', logger).write('debug', 'text');
    expect(logger.lines).toEqual(['[roomgate] tester: text']);
  });

  it('names what failed, and shows a thrown value only if it is an error', async () => {
    const lines = spyOnConsole();
    const log = new Log('tester');
    await log.run('onConnected', () => {
      throw new Error('mistake');
    });
    await log.run('onConnected', () => Promise.reject('a secret'));
    expect(lines[0]).toMatch(/^error: \[roomgate\] tester: onConnected failed: Error: mistake/);
    expect(lines[1]).toBe('error: [roomgate] tester: onConnected failed: it threw a string');
  });
});
