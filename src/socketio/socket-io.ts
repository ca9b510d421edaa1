import type { Namespace, Socket } from 'socket.io';

/*
 * socket.io: what is private there and used for the limits of peers.
 */

interface INamespace {
  /** Called with each socket that is gone, be it connected or refused by middleware. */
  _remove(socket: Socket): void;
}

/** Calls `act` with each socket of a namespace that is gone, also before it was connected. False where that can't be known. */
export function onSocketGone(namespace: Namespace, act: (socket: Socket) => void): boolean {
  const inside = namespace as unknown as Partial<INamespace>;
  const { _remove: plain } = inside;
  if (typeof plain !== 'function') return false;
  inside._remove = (socket) => {
    plain.call(inside, socket);
    act(socket);
  };
  return true;
}
