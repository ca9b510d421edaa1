import type { Namespace, Server } from 'socket.io';
import { UNAUTHENTICATED_ERRORS } from '../protocol/errors.js';
import { call, type Failed, type Failure, type Listener } from './contained-calls.js';

type Report = (failure: Failure) => void;

/** Where an error of such a middleware is reported to come from. */
export const IO_USE = 'a middleware of io.use()';

/** A client whose middleware failed is told to come back. */
export function containMiddleware(namespace: Namespace, failed: Report): void {
  const plain = namespace.use;
  namespace.use = (middleware) =>
    plain.call(namespace, (socket, next) => {
      const fail: Failed = (error) => failed({ where: IO_USE, client: socket.id, error });
      let isPassed = false;
      const once: typeof next = (error) => {
        isPassed = true;
        next(error ? readOnce(error, fail) : undefined);
      };
      call(middleware as Listener, undefined, [socket, once], (error) => {
        fail(error);
        if (!isPassed) once(unavailable());
      });
    });
}

/** Socket.IO reads `message` and `data` of an error in a tick of its own, where a getter that throws would end the process. */
function readOnce(error: { readonly message?: unknown; readonly data?: unknown }, fail: Failed): Error {
  try {
    const { message, data } = error;
    return Object.assign(new Error(), { message, data });
  } catch (cause) {
    fail(cause);
    return unavailable();
  }
}

/** The error of a client that is told to come back. */
export function unavailable(): Error & { readonly data: object } {
  const { text } = UNAUTHENTICATED_ERRORS.unavailable;
  return Object.assign(new Error(text), { data: { code: 'unavailable' } });
}

/** Middleware that a pattern of namespaces had when it made this one. */
export function addAgain(namespace: Namespace): void {
  const inside = namespace as unknown as { _fns?: unknown };
  if (!Array.isArray(inside._fns)) return;
  for (const middleware of inside._fns.splice(0)) namespace.use(middleware);
}

type Pattern = Exclude<Parameters<Server['of']>[0], string | RegExp>;

/** Contains the functions that the program gives to `io.of()`. Socket.IO calls them with the names of namespaces that clients send. */
export function containPatterns(io: Server, failed: Report): void {
  const plain = io.of.bind(io);
  // Socket.IO tells them apart: one that is given again replaces its namespace.
  const known = new WeakMap<Pattern, Pattern>();
  const contained = (pattern: Pattern): Pattern => {
    const made = known.get(pattern) ?? containPattern(pattern, failed);
    known.set(pattern, made);
    return made;
  };
  io.of = (name, listener) => plain(typeof name === 'function' ? contained(name) : name, listener);
}

/** A function that fails before it has decided refuses the namespace. */
function containPattern(pattern: Pattern, failed: Report): Pattern {
  return (name, auth, next) => {
    let isDecided = false;
    const once: typeof next = (error, isAllowed) => {
      // Socket.IO would go on to the next function twice, and answer the client twice.
      if (isDecided) return;
      isDecided = true;
      next(error, isAllowed);
    };
    call(pattern as Listener, undefined, [name, auth, once], (error) => {
      failed({ where: 'a function of io.of()', error });
      once(null, false);
    });
  };
}
