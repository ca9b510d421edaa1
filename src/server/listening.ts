import type { AddressInfo } from 'node:net';
import { fieldsOf, hasMethods } from '../common/checks.js';

/** The address of a server that listens, such as `127.0.0.1:3000` or the path of a Unix socket; undefined if it does not. */
export function addressOf(server: unknown): string | undefined {
  const { listening, port, hostname } = fieldsOf(server);
  // A server of Bun.serve.
  if (typeof port === 'number') return join(typeof hostname === 'string' ? hostname : '', port);
  if (listening !== true || !hasMethods(server, ['address'])) return undefined;
  const address = server.address() as AddressInfo | string | null;
  if (address === null || typeof address === 'string') return address ?? undefined;
  return join(address.address, address.port);
}

/** Calls `then` once the server listens. Returns a function that stops waiting for it. */
export function onceListening(server: unknown, then: (address: string) => void): () => void {
  if (!hasMethods(server, ['once', 'removeListener'])) return () => {};
  const listener = (): void => {
    const address = addressOf(server);
    if (address !== undefined) then(address);
  };
  server.once('listening', listener);
  return () => void server.removeListener('listening', listener);
}

function join(host: string, port: number): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}
