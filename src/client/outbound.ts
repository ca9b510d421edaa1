import { wrongArgument } from '../common/checks.js';
import { RoomgateError, type TRoomgateErrorCode } from '../protocol/errors.js';
import { isReservedTopic } from '../protocol/events.js';
import type { Log } from './log.js';
import { type Emitted, Outbox, type OutboxLimits } from './outbox.js';

/** The part of the client that emitting uses. */
export interface OutboundPort {
  readonly connected: boolean;
  /** Authenticated, and in its rooms again: queued messages may be sent, and new ones are sent at once. */
  readonly ready: boolean;
  /** Whether it can become ready without the program. */
  readonly canBecomeReady: boolean;
  /** Returns false if the connection has ended. */
  emit(event: string, args: readonly unknown[]): boolean;
}

export interface EmitArguments {
  topic?: unknown;
  data?: unknown;
  doLog?: unknown;
  cb?: unknown;
}

/** `emit`: sends at once, or, with the option `queue`, as soon as this client is authenticated. */
export class Outbound {
  readonly #port: OutboundPort;
  readonly #log: Log;
  readonly #outbox: Outbox | undefined;

  constructor(port: OutboundPort, limits: OutboxLimits | undefined, log: Log) {
    this.#port = port;
    this.#log = log;
    this.#outbox = limits === undefined ? undefined : new Outbox(limits, log);
  }

  /** @throws RoomgateError `not_connected`, `invalid_argument`, `queue_full` */
  emit({ topic, data, doLog, cb }: EmitArguments): void {
    const waits = this.#outbox !== undefined && !(this.#port.ready && this.#outbox.isEmpty);
    if (waits ? !this.#port.canBecomeReady : !this.#port.connected) throw notConnected();
    checkMessage(topic, data);
    const emitted: Emitted = {
      topic,
      // A trailing undefined would arrive as null.
      args: data === undefined ? [] : [data],
      doLog: Boolean(doLog),
      cb: typeof cb === 'function' ? (cb as NonNullable<Emitted['cb']>) : undefined,
    };
    if (!waits && this.#sendNow(emitted)) return;
    // The connection has ended, but Socket.IO has not noticed it yet.
    if (this.#outbox === undefined) throw notConnected();
    this.#outbox.add(emitted);
  }

  /** This client is ready: the queued messages go out. */
  flush(): void {
    this.#outbox?.flush((emitted) => this.#send(emitted));
  }

  /** Fails all queued messages: they will never be sent. */
  fail(code: TRoomgateErrorCode, why: string): void {
    this.#outbox?.fail(code, why);
  }

  /** Replaces errors of Socket.IO's encoder, which throws its own at a circular reference or a nested bigint. */
  #sendNow(emitted: Emitted): boolean {
    try {
      return this.#send(emitted);
    } catch (cause) {
      throw new RoomgateError('invalid_argument', `emit(): data of "${emitted.topic}" can't be encoded.`, { cause });
    }
  }

  #send({ topic, args, doLog, cb }: Emitted): boolean {
    if (!this.#port.emit(topic, args)) return false;
    if (doLog) this.#log.writeAsked(`"${topic}" was emitted`);
    if (cb !== undefined) void Promise.resolve().then(() => this.#log.run('the callback of emit()', () => cb()));
    return true;
  }
}

function notConnected(): RoomgateError {
  return new RoomgateError('not_connected', 'emit(): there is no connection to the server.');
}

function checkMessage(topic: unknown, data: unknown): asserts topic is string {
  if (typeof topic !== 'string' || topic === '')
    throw wrongArgument('emit', 'topic', 'a string that is not empty', topic);
  if (isReservedTopic(topic)) {
    throw new RoomgateError('invalid_argument', `emit(): topic: "${topic}" is reserved. Take another name.`);
  }
  // Socket.IO would take a function for an acknowledgement, lose a symbol, and fail at a bigint with its own error.
  if (['function', 'symbol', 'bigint'].includes(typeof data)) {
    throw wrongArgument('emit', 'data', 'a value that Socket.IO can carry', data);
  }
}
