// npm test: node
// npm run test:matrix: newest-node
import { createServer } from 'node:http';
import { beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { SocketIOEmitterHelper } from '../../src/backplane/redis/emitter.js';
import { SocketIOClientHelper } from '../../src/client/client-helper.js';
import { Log } from '../../src/client/log.js';
import type { ILogger, TLogLevel } from '../../src/common/types.js';
import { createLogReporter } from '../../src/observability/logger.js';
import { SocketIOComponent } from '../../src/server/component.js';
import { LINES } from '../../src/server/reports.js';
import { SocketIOServerHelper } from '../../src/server/server-helper.js';
import { LogLines } from '../support/log-lines.js';

const LEVELS = ['debug', 'info', 'warn', 'error'] as const;

let lines: string[] = [];

beforeEach(() => {
  lines = [];
  for (const level of LEVELS) {
    const spy = vi.spyOn(console, level).mockImplementation((line) => void lines.push(`${level}: ${line}`));
    onTestFinished(() => spy.mockRestore());
  }
});

function setVariable(value: string): void {
  const before = process.env.ROOMGATE_LOG;
  process.env.ROOMGATE_LOG = value;
  onTestFinished(() => {
    if (before === undefined) delete process.env.ROOMGATE_LOG;
    else process.env.ROOMGATE_LOG = before;
  });
}

/** One report of each level, and one that the program requested. Returns the levels of the lines. */
function levelsOfServer(level?: TLogLevel, logger?: ILogger | false): string[] {
  const report = createLogReporter(LINES, 'one', logger, level);
  report({ type: 'client_connected', client: 'c' });
  report({ type: 'client_refused', client: 'c', code: 'refused', address: '::1' });
  report({ type: 'message_dropped', topic: 'x' });
  report({ type: 'authenticate_fn_failed', client: 'c', error: new Error('odd') });
  report({ type: 'message_sent', topic: 'x', destination: 'every client' });
  return lines.splice(0).map((line) => (line.includes('sent "x"') ? 'requested' : (line.split(':')[0] ?? '')));
}

function levelsOfClient(level?: TLogLevel, logger?: ILogger | false): string[] {
  const log = new Log('one', logger, level);
  for (const one of LEVELS) log.write(one, 'text');
  log.writeAsked('sent "x"');
  return lines.splice(0).map((line) => (line.includes('sent "x"') ? 'requested' : (line.split(':')[0] ?? '')));
}

describe.each([
  ['the server', levelsOfServer],
  ['the client', levelsOfClient],
])('the log of %s', (_, levelsOf) => {
  it.each([
    ['debug', ['debug', 'info', 'warn', 'error', 'requested']],
    ['info', ['info', 'warn', 'error', 'requested']],
    ['warn', ['warn', 'error', 'requested']],
    ['error', ['error', 'requested']],
    ['silent', []],
  ] as const)('has these lines at %s, by the option and by ROOMGATE_LOG', (level, expected) => {
    expect(levelsOf(level)).toEqual(expected);
    setVariable(level.toUpperCase());
    expect(levelsOf()).toEqual(expected);
  });

  it('prefers the option to ROOMGATE_LOG', () => {
    setVariable('debug');
    expect(levelsOf('error')).toEqual(['error', 'requested']);
    setVariable('silent');
    expect(levelsOf('error')).toEqual(['error', 'requested']);
  });

  it('passes every level to a logger of the program, unless logLevel is given', () => {
    setVariable('silent');
    const log = new LogLines();
    levelsOf(undefined, log);
    expect(log.lines).toHaveLength(5);
    levelsOf('warn', log);
    expect(log.lines).toHaveLength(5 + 3);
    levelsOf('debug', false);
    expect([...log.lines.slice(8), ...lines]).toEqual([]);
  });

  it('warns once about an unknown value of ROOMGATE_LOG, with the values, and stays at warn', () => {
    setVariable(`loud-${levelsOf.name}`);
    expect(levelsOf()).toEqual(['warn', 'warn', 'error', 'requested']);
    expect(levelsOf()).toEqual(['warn', 'error', 'requested']);
    setVariable(`louder-${levelsOf.name}`);
    new Log('one');
    expect(lines).toEqual([
      `warn: [roomgate] ROOMGATE_LOG: expected debug, info, warn, error or silent, received "louder-${levelsOf.name}"; the level stays warn`,
    ]);
  });
});

it('does not build the text of a line whose level is off', () => {
  const text = vi.fn(() => 'text');
  const report = createLogReporter({ odd: ['info', text] } as never, 'one');
  report({ type: 'odd' } as never);
  expect(text).not.toHaveBeenCalled();
});

describe('the option logLevel', () => {
  const CLASSES: readonly (readonly [string, (level: unknown) => unknown])[] = [
    [
      'SocketIOServerHelper',
      (logLevel) =>
        new SocketIOServerHelper({
          ...{
            runtime: 'node',
            server: createServer(),
            identifier: 'a',
            serverOptions: {},
            logLevel: logLevel as 'warn',
          },
          authenticateFn: () => true,
        }),
    ],
    [
      'SocketIOComponent',
      (logLevel) => new SocketIOComponent({ authenticateFn: () => true, logLevel: logLevel as 'warn' }),
    ],
    [
      'SocketIOEmitterHelper',
      (logLevel) => {
        const client = { duplicate: () => client, on: () => client } as never;
        return new SocketIOEmitterHelper({ identifier: 'a', redisConnection: client, logLevel: logLevel as 'warn' });
      },
    ],
    [
      'SocketIOClientHelper',
      (logLevel) =>
        new SocketIOClientHelper({
          ...{ identifier: 'a', host: 'http://localhost', logLevel: logLevel as 'warn' },
          options: { path: '/io', autoConnect: false },
        }),
    ],
  ];

  it.each(CLASSES)('of %s is checked', (_, create) => {
    expect(() => create('verbose')).toThrow(
      /^\w+: option "logLevel": expected debug, info, warn, error or silent, received "verbose"\.$/,
    );
    expect(() => create(3)).toThrow(/option "logLevel": expected .*, received 3\.$/);
    expect(() => create('debug')).not.toThrow();
  });
});
