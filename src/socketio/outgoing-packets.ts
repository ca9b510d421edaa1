import type { Packet } from 'socket.io-parser';
import type { IOSocket } from '../ports/socket.js';
import type { Sweep } from './frame-queue.js';
import { PacketType } from './packages.js';

/** The members of a socket of Socket.IO that are replaced. */
interface Sending {
  /** Private: every packet of the socket but broadcasts, such as its emits and acknowledgements. */
  packet(packet: OutgoingPacket, options?: object): void;
  /** Public. Socket.IO reads it right before it calls the handlers of an event, after all middleware. */
  connected: boolean;
  /** Private: receives every packet of the socket. Ours: see `interceptPackets()`. */
  _onpacket: Receive;
  /** Private: the middleware of the socket. */
  fns: unknown;
}
type Receive = (this: IOSocket, packet: Packet) => void;

interface OutgoingPacket {
  readonly type: PacketType;
  readonly data?: unknown;
}

const CONNECTED = Symbol('connected');
type Watched = IOSocket & { [CONNECTED]?: boolean };

/** The sockets that send nothing anymore, with the argument of their last event. */
const barred = new WeakMap<IOSocket, { last: object | undefined }>();

/** Lets one more event of a barred socket pass: the one with this argument. Changes nothing for other sockets. */
export function letThrough(socket: IOSocket, argument: object): void {
  const bar = barred.get(socket);
  if (bar !== undefined) bar.last = argument;
}

/** Checks the packets of sockets whose access may end at any time. */
export class OutgoingPackets {
  // One of each for all sockets, called with them as `this`.
  readonly #packet: (this: IOSocket, packet: OutgoingPacket, options?: object) => void;
  readonly #connected: PropertyDescriptor;
  readonly #receive: Receive;
  /** What received the packets of the sockets before: the same for all of them. */
  #receiver: Receive | undefined;

  /** `sweep` ends the clients whose access has expired. */
  constructor(sweep: Sweep) {
    this.#packet = function (packet, options) {
      sweep();
      const bar = barred.get(this);
      if (bar !== undefined && !mayPass(packet, bar.last)) return;
      const plain: Partial<Sending> = Object.getPrototypeOf(this);
      plain.packet?.call(this, packet, options);
    };
    const received = (socket: Watched, packet: Packet): void => {
      // Socket.IO calls the handlers in the next tick. Another handler may block until the access is over, so this runs right before.
      process.nextTick(sweep);
      if (hasMiddleware(socket)) this.#checkConnected(socket);
      this.#receiver?.call(socket, packet);
    };
    this.#receive = function (packet) {
      received(this, packet);
    };
    this.#connected = {
      configurable: true,
      enumerable: true,
      get(this: Watched) {
        sweep();
        return this[CONNECTED];
      },
      set(this: Watched, value: boolean) {
        this[CONNECTED] = value;
      },
    };
  }

  /**
   * From now on `sweep` runs before each packet of the socket, and before the handlers of each of its events. Returns false if
   * Socket.IO has no method for its packets: then only the timer ends the access of a client to which nothing else is sent.
   */
  watch(socket: Watched): boolean {
    const inside = insideOf(socket);
    if (inside._onpacket === this.#receive) return true;
    this.#receiver ??= inside._onpacket;
    if (inside._onpacket === undefined || inside._onpacket !== this.#receiver) this.#checkConnected(socket);
    else Object.assign(socket, { _onpacket: this.#receive } satisfies Partial<Sending>);
    return this.#replace(socket);
  }

  /** With asynchronous middleware the handlers are called in any later tick. This takes 0.7 KB of each socket. */
  #checkConnected(socket: Watched): void {
    if (CONNECTED in socket) return;
    socket[CONNECTED] = socket.connected;
    Object.defineProperty(socket, 'connected', this.#connected);
  }

  /** From now on nothing of the socket goes out, except Socket.IO's disconnect. */
  bar(socket: IOSocket): void {
    barred.set(socket, { last: undefined });
    this.#replace(socket);
  }

  #replace(socket: IOSocket): boolean {
    const plain: Partial<Sending> = Object.getPrototypeOf(socket);
    if (typeof plain.packet !== 'function') return false;
    Object.assign(socket, { packet: this.#packet } satisfies Partial<Sending>);
    return true;
  }
}

function insideOf(socket: IOSocket): Partial<Sending> {
  return socket as unknown as Partial<Sending>;
}

/** If an update of Socket.IO moves the list, every socket counts as one with middleware. */
function hasMiddleware(socket: IOSocket): boolean {
  const { fns } = insideOf(socket);
  return !Array.isArray(fns) || fns.length > 0;
}

function mayPass({ type, data }: OutgoingPacket, last: object | undefined): boolean {
  if (type === PacketType.DISCONNECT) return true;
  return last !== undefined && Array.isArray(data) && data[1] === last;
}
