import { isPromiseLike } from '../common/is-promise-like.js';
import type { Reporter } from '../ports/reports.js';
import type { Runtime } from '../ports/runtime.js';
import type { Session } from '../session/session.js';
import type { PacketPerformer } from './packet-performer.js';
import type { Report } from './reports.js';
import type { ResolvedBaseOptions } from './resolve-options.js';

export interface ConnectedFunctionParts extends Pick<ResolvedBaseOptions, 'clientConnectedFn' | 'onFailure'> {
  readonly runtime: Runtime;
  readonly packets: PacketPerformer;
  /** Called if the function failed and the client must not stay. `handled` counts events of the client that were not held. */
  readonly failed: (session: Session, handled: number) => void;
  readonly report: Reporter<Report>;
}

/** Calls `clientConnectedFn`, and acts once it has settled. */
export class ConnectedFunction {
  readonly #parts: ConnectedFunctionParts;

  constructor(parts: ConnectedFunctionParts) {
    this.#parts = parts;
  }

  /** Never rejects. */
  async call(session: Session): Promise<void> {
    const { clientConnectedFn, onFailure, runtime, packets, failed, report } = this.#parts;
    const { id, socket } = session;
    try {
      const outcome = clientConnectedFn?.({ socket });
      // Continues in the same tick if the function is synchronous.
      if (isPromiseLike(outcome)) await outcome;
    } catch (error) {
      report({ type: 'handler_failed', where: 'clientConnectedFn', client: id, error });
      if (onFailure.connected === 'disconnect') {
        failed(session, session.early?.handled ?? 0);
        return;
      }
    }
    packets.flush(session);
    if (!session.ended) runtime.compact?.(socket.conn);
  }
}
