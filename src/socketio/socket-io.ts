import type { Namespace, Server, Socket } from 'socket.io';
import type { Packet } from 'socket.io-parser';
import type { AdapterFactory } from '../ports/backplane.js';
import type { PacketOptions, Recipient } from '../ports/fanout.js';
import type { IOSocket } from '../ports/socket.js';
import { PacketType } from './packages.js';

/*
 * The private members of socket.io that guard sockets, bound peers, give sockets ids of our form, and send to sockets. Only
 * the gate uses one without a fallback, `_onpacket`: `gate-probe.ts` tries it before a server starts.
 */

interface SocketInternals {
  /** Called with every packet of the socket, before `onAny` and before every middleware. */
  _onpacket(packet: Packet): void;
  /** Sends a packet to the socket's client. */
  packet?(packet: object): void;
  /** Calls the listeners of `onAnyOutgoing`. */
  notifyOutgoingListeners(packet: object): void;
}

interface ClientInternals {
  /** Writes encoded packets to the connection. */
  writeToEngine?(encoded: readonly unknown[], options: PacketOptions): void;
  /** Public, engine.io's. */
  readonly conn: {
    readonly transport: { readonly writable: boolean };
    write(data: unknown, options: PacketOptions): unknown;
  };
}

interface NamespaceInternals {
  /** Called with each socket that disconnects or is refused by middleware. */
  _remove(socket: Socket): void;
  /** Makes a socket. Nothing has read its id when this returns. */
  _createSocket(client: MadeOf[1], auth: MadeOf[2]): Promise<Socket>;
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

/** A subclass of Socket.IO's sockets. */
export type SocketClass = typeof Socket;
type MadeOf = ConstructorParameters<SocketClass>;

/** Gives each new socket of a namespace an id by `make`, and the class `Made` if there is one. Returns false if Socket.IO makes sockets in another way. */
export function makeSocketIds(namespace: Namespace, make: (socket: Socket) => string, Made?: SocketClass): boolean {
  const inside = namespace as unknown as Partial<NamespaceInternals>;
  const { _createSocket: plain } = inside;
  if (typeof plain !== 'function') return false;
  inside._createSocket = async (client, auth) => {
    // As Socket.IO does, without its connection state recovery, which is never on.
    const socket = Made === undefined ? await plain.call(inside, client, auth) : new Made(namespace, client, auth);
    (socket as { id: string }).id = make(socket);
    return socket;
  };
  return true;
}

/** Makes `receive` get every packet of a socket instead of Socket.IO, with the socket as `this`. */
export function interceptPackets(socket: IOSocket, receive: (this: IOSocket, packet: Packet) => void): void {
  Object.assign(socket, { _onpacket: receive } satisfies Partial<SocketInternals>);
}

/** Passes a packet to Socket.IO's own method. If Socket.IO has none, the packet is dropped. */
export function receivePacket(socket: IOSocket, packet: Packet): void {
  const { _onpacket: plain }: Partial<SocketInternals> = Object.getPrototypeOf(socket);
  plain?.call(socket, packet);
}

/** Answers an event that no handler gets. Returns false if it asked for no answer, or if Socket.IO has no method for it. */
export function acknowledge(socket: IOSocket, { id, nsp }: Packet, answer: object): boolean {
  const inside = socket as unknown as Partial<SocketInternals>;
  if (id === undefined || typeof inside.packet !== 'function') return false;
  inside.packet({ type: PacketType.ACK, id, nsp, data: [answer] });
  return true;
}

/** Calls the `onAnyOutgoing` listeners of a socket, if Socket.IO has the method for it. */
export function tellOutgoingListeners(socket: Recipient, packet: object): void {
  (socket as Recipient & Partial<SocketInternals>).notifyOutgoingListeners?.(packet);
}

/** Writes an encoded message to the connection of a socket as Socket.IO does. */
export function writeEncoded(socket: Recipient, encoded: readonly unknown[], options: PacketOptions): void {
  const client = socket.client as unknown as ClientInternals;
  if (typeof client.writeToEngine === 'function') client.writeToEngine(encoded, options);
  else if (options.volatile !== true || client.conn.transport.writable) {
    for (const part of encoded) client.conn.write(part, options);
  }
}

/** Makes the server replace each adapter that the program sets by the result of `map`. */
export function mapLaterAdapters(io: Server, map: (make: AdapterFactory) => AdapterFactory): void {
  const plain = io.adapter.bind(io) as (...make: AdapterFactory[]) => unknown;
  // `adapter()` without an argument reads. Socket.IO calls the given adapter with `new`.
  const mapped = (given?: new (...args: Parameters<AdapterFactory>) => ReturnType<AdapterFactory>): unknown =>
    given === undefined ? plain() : plain(map((namespace) => new given(namespace)));
  io.adapter = mapped as Server['adapter'];
}
