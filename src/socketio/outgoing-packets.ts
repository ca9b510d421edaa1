import type { IOSocket } from '../ports/socket.js';
import type { Sweep } from './frame-queue.js';
import { PacketType } from './packages.js';

/** The members of a socket of Socket.IO that are replaced. */
interface Sending {
  /** Private: every packet of the socket but broadcasts, such as its emits and acknowledgements. */
  packet(packet: OutgoingPacket, options?: object): void;
  /** Public. Socket.IO reads it right before it calls the handlers of an event, after all middleware. */
  connected: boolean;
}
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

  /** `sweep` ends the clients whose access has expired. */
  constructor(sweep: Sweep) {
    this.#packet = function (packet, options) {
      sweep();
      const bar = barred.get(this);
      if (bar !== undefined && !mayPass(packet, bar.last)) return;
      const plain: Partial<Sending> = Object.getPrototypeOf(this);
      plain.packet?.call(this, packet, options);
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
    if (CONNECTED in socket) return true;
    socket[CONNECTED] = socket.connected;
    Object.defineProperty(socket, 'connected', this.#connected);
    return this.#replace(socket);
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

function mayPass({ type, data }: OutgoingPacket, last: object | undefined): boolean {
  if (type === PacketType.DISCONNECT) return true;
  return last !== undefined && Array.isArray(data) && data[1] === last;
}
