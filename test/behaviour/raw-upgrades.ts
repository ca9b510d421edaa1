import { createConnection, type Socket } from 'node:net';
import { expect } from 'vitest';
import { defer } from '../support/cleanup.js';
import { within } from '../support/facts.js';
import { enter, type Served } from './program.js';
import { ask, opening } from './requests.js';

const KEY = 'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n';

export function upgradeOf(target: string, headers = ''): string {
  return `GET ${target} HTTP/1.1\r\nHost: server\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n${KEY}${headers}\r\n`;
}

/** A connection for raw bytes. */
export function raw(server: Served): Socket {
  const socket = createConnection({ host: '127.0.0.1', port: server.port, allowHalfOpen: true });
  socket.on('error', () => {});
  defer(() => socket.destroy());
  return socket;
}

/** The status of the answer to a request on a new connection; 0 if the connection closes without one. */
export async function statusOf(server: Served, request: string): Promise<number> {
  const socket = raw(server);
  const answered = new Promise<number>((resolve) => {
    let text = '';
    socket.on('data', (bytes) => {
      text += bytes;
      const [, status] = /^HTTP\/1\.1 (\d+)/.exec(text) ?? [];
      if (status !== undefined) resolve(Number(status));
    });
    socket.on('end', () => resolve(0));
    socket.on('close', () => resolve(0));
  });
  socket.write(request);
  return within(answered, 'an answer');
}

export const wires = (server: Served) => server.run(({ transport }) => transport.wires());

export async function serves(server: Served): Promise<void> {
  await enter(server.url);
  expect(server.program.stderr).toBe('');
}

/** The id of a new polling session. */
export async function newSession(server: Served): Promise<string> {
  const { body } = await ask(server.url, opening('polling'));
  return (JSON.parse(body.slice(1)) as { sid: string }).sid;
}
