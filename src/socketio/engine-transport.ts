import type { Wire } from '../ports/wire.js';
import type { EngineConnection, EngineTransport } from './engine-types.js';

/** The current transport of a wire. */
export function transportOf(wire: Wire): EngineTransport | undefined {
  const { transport }: EngineConnection = wire;
  return transport;
}

/** The name of the current transport of a wire. */
export function transportNameOf(wire: Wire): string | undefined {
  return transportOf(wire)?.name;
}

/** The version of Engine.IO that the client of a wire speaks: 3 or 4. */
export function protocolOf(wire: Wire): number | undefined {
  const { protocol }: EngineConnection = wire;
  return protocol;
}

/** Makes an engine close the connection of a transport. */
export function failTransport(transport: EngineTransport | undefined, why: string): void {
  transport?.onError?.(why);
}

/** The id of a connection of Engine.IO; empty if an update has moved it. For reports only. */
export function connectionIdOf(wire: Wire): string {
  const { id = '' }: EngineConnection = wire;
  return id;
}
