import { wrongCall } from './calls.js';
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
  /** Events whose second handler was ignored with a warning. */
  readonly #warned = new Set<string>();

  constructor(source: EventSource, log: Log) {
    this.#source = source;
    this.#log = log;
  }

  /** Returns a function that removes this handler. It does nothing the second time, and nothing if no handler was added. */
  add(event: unknown, handler: unknown, ignoreDuplicate: boolean): () => void {
    if (!this.#isEvent('subscribe', event)) return nothing;
    if (typeof handler !== 'function') {
      this.#log.write('warn', wrongCall('subscribe', `handler of "${event}"`, 'a function', handler).message);
      return nothing;
    }
    const entries = this.#entries.get(event) ?? [];
    if (ignoreDuplicate && entries.length > 0) {
      this.#ignored(event);
      return nothing;
    }
    const code = handler as TopicHandler;
    const listener: Listener = (...args) => void this.#log.run(`a handler of "${event}"`, () => code(...args));
    const added: Entry = { handler: code, listener };
    this.#entries.set(event, [...entries, added]);
    this.#source.on(event, listener);
    return () => this.#remove(event, (entry) => entry === added);
  }

  /** Removes a handler of an event, even if it was subscribed several times; without `handler` all handlers of the event. */
  remove(event: unknown, handler?: unknown): void {
    if (!this.#isEvent('unsubscribe', event)) return;
    this.#remove(event, (entry) => handler === undefined || entry.handler === handler);
  }

  clear(): void {
    for (const event of [...this.#entries.keys()]) this.remove(event);
  }

  #remove(event: string, goes: (entry: Entry) => boolean): void {
    const entries = this.#entries.get(event) ?? [];
    const kept = entries.filter((entry) => !goes(entry));
    if (kept.length === 0) this.#entries.delete(event);
    else this.#entries.set(event, kept);
    for (const entry of entries) if (goes(entry)) this.#source.off(event, entry.listener);
  }

  /** Warns once for each event: a program that subscribes in `onAuthenticated` does so at every reconnect. */
  #ignored(event: string): void {
    const level = this.#warned.has(event) ? 'debug' : 'warn';
    this.#warned.add(event);
    this.#log.write(
      level,
      `subscribe("${event}"): the event already has a handler, so this one was ignored. That is expected after a ` +
        'reconnect if you subscribe in onConnected or onAuthenticated. To add a second handler, pass ignoreDuplicate: false.',
    );
  }

  #isEvent(method: 'subscribe' | 'unsubscribe', event: unknown): event is string {
    if (typeof event === 'string' && event !== '') return true;
    this.#log.write('warn', wrongCall(method, 'event', 'a non-empty string', event).message);
    return false;
  }
}

/** Removes nothing, for a handler that was not added. */
export function nothing(): void {}
