import { inspect } from 'node:util';
import { logLine } from '../common/log-text.js';
import { CONSOLE, writeSafely } from '../common/sink.js';
import type { ILogger } from '../common/types.js';
import type { Report, Reporter } from '../ports/reports.js';

type Level = keyof ILogger;
type ReportOf<T extends Report['type']> = Extract<Report, { type: T }>;
type Line<T extends Report['type']> = readonly [Level, (report: ReportOf<T>) => string];

/**
 * The level and the words of every report. What a peer can cause at will is at `debug`, so that no client can fill a
 * log; what is wrong with the program is a warning or an error; what happens once in the life of an instance is info.
 */
const LINES: { readonly [T in Report['type']]: Line<T> } = {
  configured: ['info', (r) => `ready at ${r.path} on ${r.runtime}, ${r.redis ? 'with Redis' : 'in-process'}`],
  shut_down: ['info', (r) => `shut down; clients: ${r.clients}${r.cut ? '; what had not ended in time was cut' : ''}`],
  shutdown_step_failed: ['error', (r) => `shutdown: ${r.step} failed: ${textOf(r.error)}`],
  client_connected: ['debug', (r) => `client ${r.client} connected`],
  client_authenticated: ['debug', (r) => `client ${r.client} authenticated`],
  client_refused: ['debug', (r) => `client ${r.client} refused: ${r.code}`],
  client_ended: ['debug', (r) => `client ${r.client} ended: ${r.reason}`],
  authentication_failed: ['error', (r) => `authenticateFn failed for client ${r.client}: ${textOf(r.error)}`],
  authentication_not_boolean: [
    'warn',
    (r) => `authenticateFn must return true or false; it returned ${r.given}, so client ${r.client} was refused`,
  ],
  room_guard_failed: ['error', (r) => `validateRoomFn failed for client ${r.client}: ${textOf(r.error)}`],
  room_guard_not_list: [
    'warn',
    (r) => `validateRoomFn must return a list of rooms; it returned ${r.given}, so client ${r.client} joined none`,
  ],
  rooms_joined: ['debug', (r) => `client ${r.client} joined ${r.rooms.length} rooms`],
  rooms_left: ['debug', (r) => `client ${r.client} left ${r.rooms.length} rooms`],
  rooms_refused: ['debug', (r) => `client ${r.client} was refused rooms: ${r.codes.join(', ')}`],
  handler_failed: [
    'error',
    (r) => `${r.where} failed${r.client === undefined ? '' : ` for client ${r.client}`}: ${textOf(r.error)}`,
  ],
  event_dropped: ['debug', (r) => `an event of client ${r.client} was dropped: ${r.why}`],
  auth_too_large: [
    'warn',
    (r) => `connection ${r.client} sent an auth of more than ${r.mostBytes} bytes and is refused; send a token instead`,
  ],
  handlers_late: [
    'warn',
    (r) =>
      `clientConnectedFn of client ${r.client} has not settled within ${r.afterMs} ms; ` +
      `events that waited for its handlers: ${r.events}, delivered now`,
  ],
  client_limited: ['debug', (r) => `client ${r.client} was closed, as a limit was reached: ${r.why}`],
  reader_too_slow: [
    'warn',
    (r) =>
      `${r.client === undefined ? 'a client' : `client ${r.client}`} was closed, as it reads more slowly than it is sent to; ` +
      `bytes that waited: ${r.waitingBytes}`,
  ],
  origin_refused: [
    'warn',
    (r) =>
      `a page of ${JSON.stringify(r.origin)} was refused at ${JSON.stringify(r.host)}; ` +
      'if it is yours, name it in the option cors.origin, and let proxies pass the Host header on',
  ],
  fetch_answer_dropped: [
    'warn',
    () =>
      'an answer to fetchSockets() of another instance was dropped, as more than 32 MB of answers wait; ask less often',
  ],
  message_sent: ['info', (r) => `"${r.topic}" was sent to ${r.destination}`],
  send_dropped: ['warn', (r) => `"${r.topic}" was not sent: the instance is shutting down`],
  option_overruled: ['warn', (r) => `option "${r.option}" has no effect: ${r.why}`],
  fanout_plain: ['warn', (r) => `messages go out in Socket.IO's own way, which costs more: ${r.why} was not found`],
  limits_missing: [
    'warn',
    (r) => `clients may send up to maxHttpBufferSize before authentication, instead of 16 KB: ${r.why} was not found`,
  ],
  backplane_lost: [
    'warn',
    (r) =>
      `Redis is away (${r.connection}${r.error === undefined ? '' : `: ${messageOf(r.error)}`}); local delivery goes on`,
  ],
  backplane_failing: [
    'warn',
    (r) =>
      `Redis is still away (${r.connection}) after ${Math.round(r.afterMs)} ms, now for another reason: ` +
      `${messageOf(r.error)}; Roomgate keeps trying`,
  ],
  backplane_restored: [
    'warn',
    (r) =>
      `Redis is back (${r.connection}) after ${Math.round(r.afterMs)} ms; ` +
      (r.connection === 'subscriber'
        ? 'messages of other instances that were missed are counted, which takes 15 s'
        : `not delivered to other instances: ${r.dropped}, uncertain: ${r.uncertain}`),
  ],
  backplane_missed: [
    'warn',
    (r) =>
      `messages of other instances that did not arrive here: at least ${r.atLeast}` +
      (r.uncounted === 0 ? '' : `, and an unknown number of ${r.uncounted} instances that do not count theirs`),
  ],
  backplane_abandoned: [
    'warn',
    (r) => `ended (${r.connection}); not delivered to other instances: ${r.dropped}, uncertain: ${r.uncertain}`,
  ],
  backplane_deaf: ['warn', (r) => `the subscription heard nothing for ${Math.round(r.silentMs)} ms and was replaced`],
  backplane_junk: ['warn', (r) => `refused from Redis on ${r.channel}: ${r.why}; times: ${r.count}`],
  backplane_limited: ['warn', (r) => `Redis refused ${r.command}: ${messageOf(r.error)}; ${r.consequence}`],
  backplane_allowed: ['warn', (r) => `Redis takes ${r.command} again after ${Math.round(r.afterMs)} ms`],
};

/** Turns reports into log lines: the one place that writes them. Never throws. */
export function createLogReporter(identifier: string, logger: ILogger | false = CONSOLE): Reporter {
  if (logger === false) return () => {};
  const brake = new Brake();
  return (report) => {
    const [level, words] = LINES[report.type] as Line<Report['type']>;
    if (logger === CONSOLE && level === 'info' && report.type !== 'message_sent') return;
    if (logger === CONSOLE && level === 'debug') return;
    const withheld = level === 'warn' || level === 'error' ? brake.pass(report.type) : 0;
    if (withheld === undefined) return;
    const more = withheld === 0 ? '' : ` (and ${withheld} more like it before)`;
    writeSafely(logger, level, () => `[roomgate] ${identifier}: ${logLine(`${words(report as never)}${more}`)}`);
  };
}

/**
 * A client that makes `authenticateFn` throw at will must not fill a disk: of each kind of warning and error so many
 * lines pass in a window, and the first of a later one says how many did not.
 */
class Brake {
  static readonly #LINES = 20;
  static readonly #WINDOW_MS = 10_000;
  readonly #windows = new Map<string, { since: number; lines: number }>();

  /** How many were withheld since the last that passed; undefined where this one is withheld too. */
  pass(kind: string): number | undefined {
    const now = performance.now();
    const window = this.#windows.get(kind);
    if (window === undefined || now - window.since > Brake.#WINDOW_MS) {
      this.#windows.set(kind, { since: now, lines: 1 });
      return Math.max(0, (window?.lines ?? 0) - Brake.#LINES);
    }
    window.lines += 1;
    return window.lines > Brake.#LINES ? undefined : 0;
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : inspect(error, { depth: 1 });
}

function textOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : inspect(error, { depth: 1 });
}
