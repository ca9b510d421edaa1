import { HandlerRegistry } from '../handlers/registry.js';
import { HandlerRunner } from '../handlers/runner.js';
import type { Reporter } from '../ports/reports.js';
import type { Runtime } from '../ports/runtime.js';
import type { IOSocket } from '../ports/socket.js';
import type { Registry } from '../session/registry.js';
import type { Session } from '../session/session.js';
import { Containment } from '../socketio/contained-socket.js';
import type { Report } from './reports.js';
import type { ResolvedOptions } from './resolve-options.js';

/** Handlers by the options of a helper: those of a component exist before its helper does, and outlive it. */
const shared = new WeakMap<object, HandlerRegistry>();

/** A helper that is made with `options` calls these handlers. */
export function shareHandlers(options: object, handlers: HandlerRegistry): void {
  shared.set(options, handlers);
}

/** The handlers of a helper that is made with `options`. */
export function handlersOf(options: object): HandlerRegistry {
  return shared.get(options) ?? new HandlerRegistry();
}

export interface HandlersParts {
  readonly options: Pick<ResolvedOptions, 'handlerTimeout' | 'limits' | 'onFailure'>;
  readonly registry: Registry;
  readonly handlers: HandlerRegistry;
  readonly sweep: () => void;
  readonly runtime: Pick<Runtime, 'delay'>;
  readonly report: Reporter<Report>;
}

export interface Dispatch {
  /** Undefined if the installed Socket.IO calls handlers in another way than expected. */
  readonly containment: Containment | undefined;
  /** Call it with each client that is authenticated. */
  readonly listen: (socket: IOSocket) => void;
}

export function composeHandlers(parts: HandlersParts, isContained: boolean): Dispatch {
  const { options, registry, handlers, sweep, runtime, report } = parts;
  const runner = new HandlerRunner({
    ...{ registry: handlers, sweep, report },
    timeoutMs: options.handlerTimeout,
    mostInFlight: options.limits.requestsInFlight,
    delay: (session, ms) => runtime.delay?.(session.socket.conn, ms),
  });
  const find = (socket: Pick<IOSocket, 'id'>): Session | undefined => {
    const session = registry.get(socket.id);
    return session?.socket === socket && session.authenticated ? session : undefined;
  };
  if (!isContained) return listening(parts, runner, find);
  const containment = new Containment({
    handle: (socket, event) => {
      if (!handlers.has(event[0])) return;
      const session = find(socket);
      if (session !== undefined) runner.run(session, event);
    },
    middlewareFailed: (socket, event) => {
      const session = find(socket);
      if (session !== undefined) runner.refuseFailed(session, event);
    },
    middlewareRefused: (socket, event, error) => {
      const session = find(socket);
      if (session !== undefined) runner.refuseBy(session, event, error);
    },
    failed:
      options.onFailure.handler === 'throw' ? undefined : (failure) => report({ type: 'handler_failed', ...failure }),
  });
  return { containment, listen: () => {} };
}

/** With a listener for each socket and topic. */
function listening(
  { handlers, registry, report }: HandlersParts,
  runner: HandlerRunner,
  find: (socket: IOSocket) => Session | undefined,
): Dispatch {
  report({ type: 'containment_fallback', missing: 'the expected way to the handlers of a socket' });
  const add = (socket: IOSocket, topic: string): void => {
    socket.on(topic, (...args: unknown[]) => {
      const session = find(socket);
      if (session !== undefined) runner.run(session, [topic, ...args]);
    });
  };
  handlers.onAdded((topic) => {
    for (const { socket, authenticated } of registry.sessions.values()) if (authenticated) add(socket, topic);
  });
  return {
    containment: undefined,
    listen: (socket) => {
      for (const topic of handlers.topics) add(socket, topic);
    },
  };
}
