import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { SocketIOServerHelper } from 'roomgate';

/** Stands for your own users: a real program looks a session up, or verifies a signature. */
const USERS = new Map([
  ['ada-token', 'Ada'],
  ['ben-token', 'Ben'],
]);

const OPEN_ROOMS = new Set(['kitchen', 'garden']);

const PAGE = await readFile(new URL('page.html', import.meta.url));

/** Listens on `port` (0: any that is free) and resolves to the helper and the address. Rejects where the port can't be had. */
export async function startServer(port) {
  const http = createServer(servePage);
  const helper = new SocketIOServerHelper({
    runtime: 'node',
    server: http,
    identifier: 'console-example',
    serverOptions: {},
    authenticateFn: ({ auth }) => USERS.has(auth.token),
    validateRoomFn: ({ rooms }) => rooms.filter((room) => OPEN_ROOMS.has(room)),
    clientConnectedFn: ({ socket }) => welcome(helper, socket),
  });
  await helper.configure();
  http.listen(port);
  await once(http, 'listening');
  return { helper, url: `http://localhost:${http.address().port}` };
}

function welcome(helper, socket) {
  const from = USERS.get(socket.handshake.auth.token);
  helper.send({ payload: { topic: 'arrived', data: { name: from } } });

  socket.on('say', (message) => {
    // Whoever is let in can still send anything, so look before you use it.
    const { room, text } = message ?? {};
    if (typeof text !== 'string' || !OPEN_ROOMS.has(room) || !socket.rooms.has(room)) return;
    helper.send({ destination: room, payload: { topic: 'said', data: { from, room, text } } });
  });
}

function servePage(request, response) {
  if (request.url !== '/') {
    response.writeHead(404, { 'content-type': 'text/plain' }).end('There is nothing here. Try /\n');
    return;
  }
  response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end(PAGE);
}
