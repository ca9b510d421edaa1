import { describe } from '../common/describe.js';
import type { Log } from './log.js';

type TopicHandler = (...args: unknown[]) => unknown;
type Listener = (...args: unknown[]) => void;

/** The part of a socket that adds and removes listeners. */
export interface EventSource {
  on(event: string, listener: Listener): void;
  off(event: string, listener: Listener): void;
}

interface Entry {
  readonly handler: TopicHandler;
  readonly listener: Listener;
}

/** The handlers of `subscribe`. Each is wrapped in a listener that catches its errors, so that one does not affect another. */
export class Subscriptions {
  readonly #source: EventSource;
  readonly #log: Log;
  readonly #entries = new Map<string, Entry[]>();

  constructor(source: EventSource, log: Log) {
    this.#source = source;
    this.#log = log;
  }

  add(event: unknown, handler: unknown, ignoreDuplicate: boolean): void {
    if (!this.#isEvent('subscribe', event)) return;
    if (typeof handler !== 'function') {
      this.#log.write('warn', `subscribe("${event}"): handler: expected a function, received ${describe(handler)}`);
      return;
    }
    const entries = this.#entries.get(event) ?? [];
    if (ignoreDuplicate && entries.length > 0) {
      this.#log.write('debug', `subscribe("${event}"): there is a handler already; this one was ignored`);
      return;
    }
    const code = handler as TopicHandler;
    const listener: Listener = (...args) => void this.#log.run(`a handler of "${event}"`, () => code(...args));
    this.#entries.set(event, [...entries, { handler: code, listener }]);
    this.#source.on(event, listener);
  }

  /** Removes a handler of an event, even if it was subscribed several times; without `handler` all handlers of the event. */
  remove(event: unknown, handler?: unknown): void {
    if (!this.#isEvent('unsubscribe', event)) return;
    const entries = this.#entries.get(event) ?? [];
    const goes = (entry: Entry): boolean => handler === undefined || entry.handler === handler;
    const kept = entries.filter((entry) => !goes(entry));
    if (kept.length === 0) this.#entries.delete(event);
    else this.#entries.set(event, kept);
    for (const entry of entries) if (goes(entry)) this.#source.off(event, entry.listener);
  }

  clear(): void {
    for (const event of [...this.#entries.keys()]) this.remove(event);
  }

  #isEvent(method: string, event: unknown): event is string {
    if (typeof event === 'string' && event !== '') return true;
    this.#log.write('warn', `${method}(): event: expected a name, received ${describe(event)}`);
    return false;
  }
}
