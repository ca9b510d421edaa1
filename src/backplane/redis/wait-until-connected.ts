import type { Reporter } from '../../ports/reports.js';
import { RoomgateError } from '../../protocol/errors.js';
import { causeOf, reportedError } from '../reported-error.js';
import type { ConnectionReport } from '../reports.js';
import { SILENT } from './client.js';

interface Connecting {
  readonly connected: boolean;
  readonly lastError: unknown;
}

export interface WaitOptions {
  readonly connections: readonly Connecting[];
  /** The address of Redis, for reports and errors. */
  readonly redis: string;
  readonly timeoutMs: number;
  /** Aborted when the instance shuts down. */
  readonly closing: AbortSignal;
  readonly report: Reporter<ConnectionReport>;
}

/** Time between two checks, in ms. */
const CHECK_MS = 10;
/** In ms. After this time the wait and its cause are reported. */
const REPORT_AFTER_MS = 2_000;
/** Most causes that are reported. */
const MOST_CAUSES = 20;

/**
 * Resolves when all are connected at once. Reports what it waits for, and each new cause.
 * @throws RoomgateError `redis_unreachable` after `timeoutMs`, `shut_down` as soon as `closing` is aborted, and
 * `invalid_option` as soon as it is known that the given client can't be used.
 */
export async function waitUntilConnected({
  connections,
  redis,
  timeoutMs,
  closing,
  report,
}: WaitOptions): Promise<void> {
  const since = performance.now();
  const causes = new Set<string>();
  while (!connections.every(({ connected }) => connected)) {
    if (closing.aborted) {
      throw new RoomgateError('shut_down', `shutdown() was called while configure() waited for Redis at ${redis}.`);
    }
    const wrong = connections.map(({ lastError }) => lastError).find(isWrongOption);
    if (wrong !== undefined) throw wrong;
    const afterMs = performance.now() - since;
    const error = errorOf(connections);
    if (afterMs >= timeoutMs) throw unreachable(error, redis, timeoutMs);
    const cause = error === undefined ? SILENT : causeOf(error);
    if (afterMs >= REPORT_AFTER_MS && !causes.has(cause) && causes.size < MOST_CAUSES) {
      causes.add(cause);
      report({
        type: 'backplane_waiting',
        redis,
        afterMs,
        timeoutMs,
        ...(error === undefined ? {} : { error: reportedError(error) }),
      });
    }
    // It keeps the process alive on purpose: a program that waits for Redis may have nothing else running yet.
    await new Promise((resolve) => setTimeout(resolve, CHECK_MS));
  }
}

/** The error of the first connection that has failed and is not up. */
function errorOf(connections: readonly Connecting[]): unknown {
  return connections.find(({ connected, lastError }) => !connected && lastError !== undefined)?.lastError;
}

function unreachable(cause: unknown, redis: string, timeoutMs: number): RoomgateError {
  const why =
    cause instanceof Error ? cause.message || String((cause as { code?: unknown }).code ?? cause.name) : 'no answer';
  return new RoomgateError(
    'redis_unreachable',
    `Redis could not be reached at ${redis} within ${timeoutMs} ms: ${why}${adviceFor(why)}`,
    {
      cause,
    },
  );
}

/** Redis' own text about a missing password is about its protocol. */
function adviceFor(why: string): string {
  if (why.startsWith('NOAUTH'))
    return `${why.endsWith('.') ? '' : '.'} Redis needs a password: set it in "redisConnection"`;
  return why.startsWith('WRONGPASS') ? ' Check the user and the password in "redisConnection"' : '';
}

/** Waiting can't fix a wrong option. */
function isWrongOption(error: unknown): boolean {
  return error instanceof RoomgateError && error.code === 'invalid_option';
}
