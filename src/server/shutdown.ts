import type { Server } from 'socket.io';
import { withinOr } from '../common/within.js';
import type { Revoker } from '../gate/revoker.js';
import type { Backplane } from '../ports/backplane.js';
import type { Fanout } from '../ports/fanout.js';
import type { Reporter } from '../ports/reports.js';
import type { Runtime } from '../ports/runtime.js';
import type { Performer } from './performer.js';
import type { Report } from './reports.js';

export interface ShutdownOptions {
  readonly io: Server;
  readonly runtime: Runtime;
  readonly backplane: Backplane;
  readonly fanout: Fanout;
  readonly performer: Performer;
  readonly revoker: Pick<Revoker, 'close'>;
  readonly userLimits: { close(): void };
  readonly timeoutMs: number;
  readonly report: Reporter<Report>;
}

/** One fifth of the timeout, at most this many milliseconds, is reserved for closing Redis. */
const FAREWELL_MS = 1_000;

/**
 * Ends an instance, in this order. New clients are refused, so that none meets a half-closed server. Sessions end, and with
 * them their timers. Connections close without a Socket.IO disconnect, because after that clients would not reconnect. Redis is
 * closed last, because closing sockets still publishes. Never rejects, and takes at most `timeoutMs`.
 */
export async function shutDown({
  io,
  runtime,
  backplane,
  fanout,
  performer,
  revoker,
  userLimits,
  timeoutMs,
  report,
}: ShutdownOptions): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  const left = () => Math.max(0, deadline - performance.now());
  const failed = (step: string) => (error: unknown) => report({ type: 'shutdown_step_failed', step, error });

  const allGone = runtime.stopAccepting();
  const clients = performer.endAll();
  revoker.close();
  userLimits.close();
  const closed = closeAll(io, runtime, failed('closing Socket.IO')).then(() => allGone);
  const cut = await isLate(closed, left() - Math.min(FAREWELL_MS, timeoutMs / 5));
  // Also without a timeout: a silent polling peer has no wire, but its HTTP connection would keep the server from closing.
  runtime.cutAll();
  fanout.close();
  await Promise.all([isLate(closed, left()), backplane.close(left()).catch(failed('closing Redis'))]);
  runtime.detach?.();
  report({ type: 'shut_down', clients, forced: cut });
}

/** Closes Socket.IO, then the wires that it left open because a listener of the program threw. */
async function closeAll(io: Server, runtime: Runtime, failed: (error: unknown) => void): Promise<void> {
  await io.close().catch(failed);
  runtime.closeAll();
}

function isLate(work: Promise<unknown>, timeoutMs: number): Promise<boolean> {
  return withinOr(
    work.then(() => false),
    timeoutMs,
    true,
  );
}
