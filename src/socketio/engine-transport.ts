import type { Wire } from '../ports/wire.js';
import type { EngineConnection, EngineTransport } from './engine-types.js';

/** The transport of a wire as of now. */
export function transportOf(wire: Wire): EngineTransport | undefined {
  const { transport }: EngineConnection = wire;
  return transport;
}

/** Makes an engine close the connection of a transport. */
export function failTransport(transport: EngineTransport | undefined, why: string): void {
  transport?.onError?.(why);
}

/** The id of the session of Engine.IO; empty where an update has moved it, as it is for logs only. */
export function sessionIdOf(wire: Wire): string {
  const { id = '' }: EngineConnection = wire;
  return id;
}
