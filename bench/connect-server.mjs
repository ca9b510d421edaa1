// The server under measurement: `node connect-server.mjs plain|roomgate`, or `bun …`. Talks to connect.mjs over the IPC channel.
import { createServer } from 'node:http';
import { Server } from 'socket.io';

const [variant] = process.argv.slice(2);
const onBun = 'Bun' in globalThis;
const server = onBun ? undefined : createServer();
const engine = onBun ? new (await import('@socket.io/bun-engine')).Server({ path: '/io/' }) : undefined;
const authenticateFn = async ({ auth }) => auth.token === 'good';
const options = { path: '/io', serveClient: false };

/** What a careful program writes by hand: deadline, answer, rooms, keep-alive, and an end. */
function plain() {
  const clients = new Map();
  const io = onBun ? new Server(options).bind(engine) : new Server(server, options);
  io.on('connection', (socket) => {
    const client = { id: socket.id, socket, state: 'unauthorized', interval: undefined };
    client.authenticateTimeout = setTimeout(() => socket.disconnect(), 10_000);
    clients.set(socket.id, client);
    socket.on('disconnect', () => {
      clearTimeout(client.authenticateTimeout);
      clearInterval(client.interval);
      clients.delete(socket.id);
    });
    socket.on('authenticate', async () => {
      if (client.state !== 'unauthorized') return;
      client.state = 'authenticating';
      if (!(await authenticateFn(socket.handshake))) return socket.disconnect();
      client.state = 'authenticated';
      clearTimeout(client.authenticateTimeout);
      const ping = () => socket.emit('ping', { time: new Date().toISOString() });
      ping();
      socket.join(['io-default', 'io-notification']);
      socket.on('join', ({ rooms }) => socket.join(rooms));
      socket.on('leave', ({ rooms }) => {
        for (const room of rooms) socket.leave(room);
      });
      client.interval = setInterval(ping, 30_000);
      socket.emit('authenticated', { id: socket.id, time: new Date().toISOString() });
      socket.on('hello', () => {});
    });
  });
  return { clients: () => clients.size };
}

async function roomgate() {
  const { SocketIOServerHelper } = await import('../dist/index.js');
  const helper = new SocketIOServerHelper({
    ...(onBun ? { runtime: 'bun', engine } : { runtime: 'node', server }),
    identifier: 'bench',
    serverOptions: onBun ? { path: '/io' } : options,
    authenticateFn,
    clientConnectedFn: ({ socket }) => {
      socket.on('hello', () => {});
    },
  });
  await helper.configure();
  return { clients: () => helper.getClients().size };
}

const { clients } = await (variant === 'plain' ? plain() : roomgate());
if (onBun) process.send({ port: Bun.serve({ port: 0, hostname: '127.0.0.1', ...engine.handler() }).port });
else server.listen(0, '127.0.0.1', () => process.send({ port: server.address().port }));
process.on('message', () => {
  if (onBun) Bun.gc(true);
  else globalThis.gc?.();
  const { user, system } = process.cpuUsage();
  process.send({ cpu: user + system, clients: clients(), heap: process.memoryUsage().heapUsed });
});
