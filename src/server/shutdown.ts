import type { Server } from 'socket.io';
import { withinOr } from '../common/within.js';
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
  readonly timeoutMs: number;
  readonly report: Reporter<Report>;
}

/** Of the whole time, what is kept for saying goodbye to Redis: the fifth part, at the most so many milliseconds. */
const FAREWELL_MS = 1_000;

/**
 * Ends an instance. The order: nobody new comes in, so that nobody is met by a half-closed server; sessions end, so that
 * nothing of theirs runs on; connections close without a Socket.IO disconnect, after which clients would stay away; Redis
 * goes last, since closing sockets still publishes. Never rejects, and takes no longer than `timeoutMs`.
 */
export async function shutDown({
  io,
  runtime,
  backplane,
  fanout,
  performer,
  timeoutMs,
  report,
}: ShutdownOptions): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  const left = () => Math.max(0, deadline - performance.now());
  const failed = (step: string) => (error: unknown) => report({ type: 'shutdown_step_failed', step, error });

  const allGone = runtime.stopAccepting();
  const clients = performer.endAll();
  const closed = closeAll(io, runtime, failed('closing Socket.IO')).then(() => allGone);
  const cut = await isLate(closed, left() - Math.min(FAREWELL_MS, timeoutMs / 5));
  // Also where all went well: a polling peer that is not heard of any more has no wire, and would be waited for.
  runtime.cutAll();
  fanout.close();
  await Promise.all([isLate(closed, left()), backplane.close(left()).catch(failed('closing Redis'))]);
  report({ type: 'shut_down', clients, forced: cut });
}

/** A listener of the program that throws over one socket makes Socket.IO leave the others open. */
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
