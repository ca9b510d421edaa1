import { EventEmitter } from 'node:events';
import { ServerResponse } from 'node:http';
import type { EngineServer } from './engine-types.js';

/*
 * engine.io makes a response object for each upgrade, because middleware expects one. The object holds the request, and a
 * `close` listener on the stream holds the object until the connection ends. If engine.io removed that listener when the
 * WebSocket opens, unless middleware listens to the response, this file could be deleted.
 */

/** The part of an engine that handles upgrades. */
export type UpgradeHandler = Pick<EngineServer, 'handleUpgrade' | '_applyMiddlewares' | 'middlewares'>;

interface UpgradeResponse extends EventEmitter {
  readonly socket?: EventEmitter;
}
interface Noted {
  readonly response: EventEmitter;
  readonly listener: () => void;
}

/** Removes the listener that holds the response of an upgrade. Does nothing if engine.io handles upgrades differently. */
export class UpgradeResponses {
  readonly #noted = new WeakMap<EventEmitter, Noted>();

  constructor(engine: UpgradeHandler) {
    const { _applyMiddlewares } = engine ?? {};
    if (_applyMiddlewares === undefined || !leavesOneListener(engine)) return;
    engine._applyMiddlewares = (request, response, done) => {
      if (!(response instanceof ServerResponse)) this.#note(response as UpgradeResponse, engine.middlewares);
      _applyMiddlewares.call(engine, request, response, done);
    };
  }

  /** The listener stays while middleware listens to the response. */
  drop(stream: EventEmitter): void {
    const noted = this.#noted.get(stream);
    if (noted === undefined) return;
    this.#noted.delete(stream);
    if (noted.response.eventNames().length === 0) stream.removeListener('close', noted.listener);
  }

  #note(response: UpgradeResponse, middlewares: readonly unknown[] | undefined): void {
    const { socket } = response;
    // The response has just added its listener, so that is the last one.
    const listener = socket?.rawListeners('close').at(-1) as (() => void) | undefined;
    if (socket === undefined || listener === undefined) return;
    // Without middleware, nothing outside engine.io receives the response.
    if (middlewares?.length === 0) socket.removeListener('close', listener);
    else this.#noted.set(socket, { response, listener });
  }
}

/** Checks with a stand-in that an upgrade adds one `close` listener, which only emits `close` on the response. */
export function leavesOneListener(engine: UpgradeHandler): boolean {
  if (typeof engine?.handleUpgrade !== 'function' || typeof engine._applyMiddlewares !== 'function') return false;
  const stream = new EventEmitter();
  const heard: string[] = [];
  const inherited = !Object.hasOwn(engine, '_applyMiddlewares');
  const { _applyMiddlewares } = engine;
  engine._applyMiddlewares = (_, response) => {
    if (response instanceof EventEmitter) response.on('close', () => heard.push('close'));
  };
  try {
    engine.handleUpgrade({ _query: {}, headers: {} }, stream, Buffer.alloc(0));
    const isOnly = stream.eventNames().length === 1 && stream.listenerCount('close') === 1;
    stream.emit('close');
    return isOnly && heard.length === 1;
  } catch {
    return false;
  } finally {
    if (inherited) Reflect.deleteProperty(engine, '_applyMiddlewares');
    else engine._applyMiddlewares = _applyMiddlewares;
  }
}
