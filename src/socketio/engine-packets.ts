import type { Wire } from '../ports/wire.js';
import type { EngineConnection, EnginePacket } from './engine-types.js';

/** Per-packet engine events: a connection that has a listener for one bypasses coalescing. */
export const PACKET_EVENTS: readonly string[] = ['packetCreate', 'flush', 'drain'];

/** Whether a connection has a listener for each packet. */
export function isHeard(wire: Wire): boolean {
  const connection: EngineConnection = wire;
  for (const event of PACKET_EVENTS) {
    const count = connection.listenerCount?.(event) ?? wire.listeners(event).length;
    if (count > 0) return true;
  }
  return false;
}

/**
 * Calls `seen` with each message that Socket.IO is about to write to a connection, until the returned function is called. It is no
 * listener for packets, because such a one would end coalescing. Coalesced messages are not seen.
 */
export function watchWrites(wire: Wire, seen: (message: unknown) => void): () => void {
  const plain = wire.write;
  const watched: Wire['write'] = function (this: Wire, ...args) {
    seen(args[0]);
    return plain.call(this, ...args);
  };
  wire.write = watched;
  return () => {
    // Not deleted, because that would make the engine's object slow.
    if (wire.write === watched) wire.write = plain;
  };
}

/** The digits that packets of Engine.IO begin with (protocol 4). */
const DIGITS: Readonly<Record<string, string>> = {
  open: '0',
  close: '1',
  ping: '2',
  pong: '3',
  message: '4',
  upgrade: '5',
  noop: '6',
};

/** The text of a packet that carries no bytes, as both engines encode it. */
export function textOf({ type, data }: EnginePacket): string {
  return `${DIGITS[type]}${data || ''}`;
}
