import type { Reporter } from '../../ports/reports.js';
import type { RejectedMessages } from '../rejected-messages.js';
import type { BackplaneReport } from '../reports.js';
import { inspectRequest, inspectResponse } from './inspect.js';

export type MessageListener = (...args: unknown[]) => unknown;

export interface AdapterListenersOptions {
  /** The prefix of the adapter's channels. */
  readonly key: string;
  readonly rejected: RejectedMessages;
  readonly report: Reporter<BackplaneReport>;
}

/** The listeners of Socket.IO's adapters. Checks messages before the adapter acts on them, and catches errors of its handlers. */
export class AdapterListeners {
  readonly #options: AdapterListenersOptions;
  readonly #listeners = new Map<string, Set<MessageListener>>();

  constructor(options: AdapterListenersOptions) {
    this.#options = options;
  }

  add(event: string, listener: MessageListener): void {
    const listeners = this.#listeners.get(event) ?? new Set();
    this.#listeners.set(event, listeners.add(listener));
  }

  delete(event: string, listener: MessageListener): void {
    this.#listeners.get(event)?.delete(listener);
  }

  count(event: string): number {
    return this.#listeners.get(event)?.size ?? 0;
  }

  clear(): void {
    this.#listeners.clear();
  }

  /** A message on a channel for requests or responses. */
  hearChannel(channel: string, message: Buffer): void {
    const isRequest = channel.startsWith(`${this.#options.key}-request#`);
    const kind = isRequest ? 'request' : 'response';
    let callsProgram = false;
    try {
      if (isRequest) callsProgram = inspectRequest(message).callsProgram;
      else inspectResponse(message);
    } catch (error) {
      this.#options.rejected.add(kind, error);
      return;
    }
    this.emit(callsProgram ? 'program' : kind, 'messageBuffer', [channel, message]);
  }

  /** Each listener on its own: an error in one namespace does not stop another. */
  emit(kind: string, event: string, args: unknown[]): void {
    for (const listener of [...(this.#listeners.get(event) ?? [])]) void this.#call(kind, listener, args);
  }

  async #call(kind: string, listener: MessageListener, args: unknown[]): Promise<void> {
    try {
      await listener(...args);
    } catch (error) {
      if (kind !== 'program') this.#options.rejected.add(kind, error);
      else this.#options.report({ type: 'handler_failed', where: 'a handler of serverSideEmit', error });
    }
  }
}
