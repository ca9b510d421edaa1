import { fieldsOf } from '../common/checks.js';
import { emitSafely, nameOf, resolveSend, topicOf } from '../common/target.js';
import type { Reporter } from '../ports/reports.js';
import type { IOServer } from '../ports/socket.js';
import type { FanoutReport } from './reports.js';

/** Reports a message that is not sent. Does not check it and never throws. */
export function reportDropped(opts: unknown, report: Reporter<FanoutReport>): void {
  report({ type: 'message_dropped', topic: topicOf(opts) });
}

/** The program's `send()`. It resolves the destination once and gives the packet to the adapter, which finds the recipients. */
export class Outbound {
  readonly #io: IOServer;
  readonly #report: Reporter<FanoutReport>;
  readonly #isOwnParser: boolean;
  #stopped = false;

  /** `isOwnParser`: the program's parser may carry more than JSON does. */
  constructor(io: IOServer, report: Reporter<FanoutReport>, isOwnParser: boolean) {
    this.#io = io;
    this.#isOwnParser = isOwnParser;
    this.#report = report;
  }

  /** From now on messages are dropped and reported: timers of the program may still send some. */
  stop(): void {
    this.#stopped = true;
  }

  /** @throws RoomgateError `invalid_argument`. */
  send(opts: { doLog?: boolean | undefined; cb?: (() => void) | undefined }): void {
    if (this.#stopped) {
      reportDropped(opts, this.#report);
      return;
    }
    const resolved = resolveSend(opts, this.#isOwnParser);
    const { rooms, topic, args } = resolved;
    const { doLog, cb } = opts;
    const target = rooms === undefined ? this.#io : this.#io.to([...rooms]);
    emitSafely(resolved, () => target.emit(topic, ...args));
    if (doLog) this.#report({ type: 'message_sent', topic, destination: nameOf(fieldsOf(opts).destination) });
    if (typeof cb === 'function') setImmediate(() => this.#call(cb));
  }

  async #call(cb: () => unknown): Promise<void> {
    try {
      await cb();
    } catch (error) {
      this.#report({ type: 'handler_failed', where: 'the callback of send()', error });
    }
  }
}
