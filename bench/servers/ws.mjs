// A loop over the members with `ws`: each message is framed once, and that buffer is written to each socket.
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { host, listening, path } from './host.mjs';
import { answer, closed, frameOf, opened } from './minimal.mjs';

const { Sender, WebSocketServer } = createRequire(new URL('../../package.json', import.meta.url))('ws');

function framed(text) {
  const data = Buffer.from(frameOf(text));
  const [header, payload] = Sender.frame(data, { fin: true, opcode: 1, mask: false, readOnly: true, rsv1: false });
  return Buffer.concat(payload ? [header, payload] : [header]);
}

await host(async () => {
  const server = createServer();
  const peers = new Set();
  const rooms = new Map();
  const publish = (room, text) => {
    const frame = framed(text);
    for (const socket of rooms.get(room) ?? []) socket.write(frame);
  };
  const say = (text) => publish('io-default', text);
  new WebSocketServer({ server, path: `${path}/`, perMessageDeflate: false }).on('connection', (ws) => {
    const joined = new Set();
    const peer = {
      send: (frame) => ws.send(frame),
      close: () => ws.close(),
      join: (room) => {
        if (!rooms.has(room)) rooms.set(room, new Set());
        // A private field of ws: this variant measures one write of one prepared buffer.
        rooms.get(room).add(ws._socket);
        joined.add(room);
      },
    };
    peers.add(peer);
    const { _socket: socket } = ws;
    ws.on('error', () => {});
    ws.on('message', (data) => answer(peer, String(data), say));
    ws.on('close', () => {
      closed(peer);
      peers.delete(peer);
      for (const room of joined) rooms.get(room).delete(socket);
    });
    opened(peer);
  });
  return { port: await listening(server), clients: () => peers.size, publish };
});
