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
