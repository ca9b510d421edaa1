import type { Namespace, Socket } from 'socket.io';

/*
 * socket.io: what is private there and used to bound peers, and to give sockets ids of another form.
 */

interface NamespaceInternals {
  /** Called with each socket that disconnects or is refused by middleware. */
  _remove(socket: Socket): void;
  /** Makes a socket, before anybody has seen its id. */
  _createSocket(client: object, auth: object): Promise<Socket>;
}

/** Calls `act` with each socket that leaves a namespace or is refused by middleware. Returns false if Socket.IO has no hook for it. */
export function onSocketGone(namespace: Namespace, act: (socket: Socket) => void): boolean {
  const inside = namespace as unknown as Partial<NamespaceInternals>;
  const { _remove: plain } = inside;
  if (typeof plain !== 'function') return false;
  inside._remove = (socket) => {
    plain.call(inside, socket);
    act(socket);
  };
  return true;
}

/** Gives each new socket of a namespace an id of `make`'s. False where sockets are made in another way. */
export function makeSocketIds(namespace: Namespace, make: (socket: Socket) => string): boolean {
  const inside = namespace as unknown as Partial<NamespaceInternals>;
  const { _createSocket: plain } = inside;
  if (typeof plain !== 'function') return false;
  inside._createSocket = async (client, auth) => {
    const socket = await plain.call(inside, client, auth);
    (socket as { id: string }).id = make(socket);
    return socket;
  };
  return true;
}
