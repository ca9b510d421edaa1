import { RoomgateError } from '../../protocol/errors.js';

interface Connecting {
  readonly connected: boolean;
  readonly lastError: unknown;
}

/** Time between two checks, in ms. */
const LOOK_MS = 10;

/**
 * Resolves when all are connected at once.
 * @throws RoomgateError `redis_unreachable` after `timeoutMs`, `shut_down` as soon as `closing` is aborted, and
 * `invalid_option` as soon as it is known that the given client can't be used.
 */
export async function waitUntilConnected(
  connections: readonly Connecting[],
  address: string,
  timeoutMs: number,
  closing: AbortSignal,
): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!connections.every(({ connected }) => connected)) {
    if (closing.aborted) throw new RoomgateError('shut_down', 'Redis was waited for until the instance was shut down.');
    const wrong = connections.map(({ lastError }) => lastError).find(isWrongOption);
    if (wrong !== undefined) throw wrong;
    if (performance.now() >= deadline) throw unreachable(connections, address, timeoutMs);
    // It keeps the process alive on purpose: a program that waits for Redis may have nothing else running yet.
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
}

function unreachable(connections: readonly Connecting[], address: string, timeoutMs: number): RoomgateError {
  const cause = connections.map(({ lastError }) => lastError).find((error) => error !== undefined);
  const why =
    cause instanceof Error ? cause.message || String((cause as { code?: unknown }).code ?? cause.name) : 'no answer';
  const text = `Redis could not be reached at ${address} within ${timeoutMs} ms: ${why}`;
  return new RoomgateError('redis_unreachable', text, { cause });
}

/** Waiting can't fix a wrong option. */
function isWrongOption(error: unknown): boolean {
  return error instanceof RoomgateError && error.code === 'invalid_option';
}
