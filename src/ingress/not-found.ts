import type { ServerResponse } from 'node:http';

/** The answer to a request that belongs to no Socket.IO server and to no listener of the application. */
const STATUS = 404;
const TEXT = 'Nothing is served at this path.\n';
const TYPE = 'text/plain; charset=utf-8';

export function answerNotFound(response: ServerResponse): void {
  if (response.headersSent) return;
  response.writeHead(STATUS, { 'Content-Type': TYPE }).end(TEXT);
}

/** The same for an upgrade, whose socket has no response. */
export const NOT_FOUND_RAW =
  `HTTP/1.1 ${STATUS} Not Found\r\nConnection: close\r\nContent-Type: ${TYPE}\r\n` +
  `Content-Length: ${TEXT.length}\r\n\r\n${TEXT}`;

/** The same for Bun. */
export function notFound(): Response {
  return new Response(TEXT, { status: STATUS, headers: { 'Content-Type': TYPE } });
}
