// Bun's own WebSocket server with its topics.
import { host } from './host.mjs';
import { answer, closed, frameOf, opened } from './minimal.mjs';

await host(async () => {
  let clients = 0;
  const say = (text) => server.publish('io-default', frameOf(text));
  const server = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    fetch: (request, server) => (server.upgrade(request, { data: {} }) ? undefined : new Response('', { status: 400 })),
    websocket: {
      perMessageDeflate: false,
      open: (ws) => {
        clients++;
        ws.data = { send: (frame) => ws.send(frame), join: (room) => ws.subscribe(room), close: () => ws.close() };
        opened(ws.data);
      },
      message: (ws, data) => answer(ws.data, data, say),
      close: (ws) => {
        clients--;
        closed(ws.data);
      },
    },
  });
  return { port: server.port, clients: () => clients, publish: (room, text) => server.publish(room, frameOf(text)) };
});
