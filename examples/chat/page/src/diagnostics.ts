import type { ISocketIOClientStatus } from 'roomgate/client';
import type { Diagnostics, Happening } from './state.js';

const MOST_KEPT = 30;
const MOST_ERRORS = 5;

export function withStatus(before: Diagnostics, line: ISocketIOClientStatus, now: number): Diagnostics {
  const { status, code, message, retryAt } = line;
  const retry = retryAt === undefined ? undefined : `next attempt in ${((retryAt - now) / 1_000).toFixed(1)}\u00a0s`;
  const detail = [code, message, retry].filter(Boolean).join(', ');
  // Without a connection there is no transport.
  const isOpen = status === 'connected' || status.startsWith('authenticat');
  const { transport, socketId } = isOpen ? before : { transport: undefined, socketId: undefined };
  return { ...before, transport, socketId, history: noted(before.history, now, status, detail, MOST_KEPT) };
}

interface Transport {
  readonly name: string | undefined;
  readonly socketId: string | undefined;
  readonly now: number;
}

export function withTransport(before: Diagnostics, { name, socketId, now }: Transport): Diagnostics {
  const history =
    name === undefined || name === before.transport
      ? before.history
      : noted(before.history, now, `transport: ${name}`, '', MOST_KEPT);
  return { ...before, transport: name, socketId, history };
}

export function withError(before: Diagnostics, message: string, now: number): Diagnostics {
  return { ...before, errors: noted(before.errors, now, message, '', MOST_ERRORS) };
}

function noted(before: readonly Happening[], at: number, what: string, detail: string, most: number): Happening[] {
  const [last, ...earlier] = before;
  const id = (last?.id ?? 0) + 1;
  // A status that is repeated has more details than before, such as the time of the next attempt.
  const kept = last?.what === what ? earlier : before;
  return [{ id, at, what, detail: detail === '' ? undefined : detail }, ...kept].slice(0, most);
}
