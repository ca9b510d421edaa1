import type { Namespace } from 'socket.io';

type Callback = (...answer: unknown[]) => unknown;
type Contain = (callback: Callback) => Callback;

/** The members of the class of `io.to()` and the like. */
interface Operator {
  readonly adapter?: { readonly nsp: object };
  emit(topic: string, ...args: unknown[]): boolean;
}

const containing = new WeakMap<object, Contain>();
const patched = new WeakSet<object>();

/**
 * Contains the callbacks of acknowledgements of a namespace's broadcasts, such as that of `io.timeout(ms).emit(topic, callback)`. Socket.IO
 * calls them in a timer, from which an error ends the process. All servers share the class, so it is changed once, and only namespaces that
 * were given here are affected.
 */
export function containBroadcasts(namespace: Namespace, contain: Contain): void {
  containing.set(namespace, contain);
  const prototype: Operator = Object.getPrototypeOf(namespace.to([]));
  if (patched.has(prototype) || typeof prototype.emit !== 'function') return;
  patched.add(prototype);
  const { emit: plain } = prototype;
  prototype.emit = function (this: Operator, topic, ...args) {
    const callback = args.at(-1);
    if (typeof callback !== 'function') return plain.call(this, topic, ...args);
    const own = this.adapter === undefined ? undefined : containing.get(this.adapter.nsp);
    if (own === undefined) return plain.call(this, topic, ...args);
    return plain.call(this, topic, ...args.slice(0, -1), own(callback as Callback));
  };
}
