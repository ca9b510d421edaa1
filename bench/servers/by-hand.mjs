import { authenticateFn, defaultRooms, settings, TOPIC, take } from './host.mjs';

/**
 * The code that a careful program adds to plain Socket.IO to replace Roomgate: deadline, one answer, rooms,
 * keep-alive, and disconnect.
 */
export function byHand(io) {
  const clients = new Map();
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
      admit(io, client);
    });
  });
  return { clients: () => clients.size, publish: (room, text) => io.to(room).emit(TOPIC, text) };
}

function admit(io, client) {
  const { socket } = client;
  const ping = () => socket.emit('ping', { time: new Date().toISOString() });
  ping();
  socket.join(defaultRooms);
  socket.on('join', ({ rooms }) => socket.join(rooms));
  socket.on('leave', ({ rooms }) => {
    for (const room of rooms) socket.leave(room);
  });
  client.interval = setInterval(ping, settings.pingInterval ?? 30_000);
  socket.emit('authenticated', { id: socket.id, time: new Date().toISOString() });
  socket.on('in', take);
  socket.on('say', (text) => io.to(defaultRooms[0]).emit(TOPIC, text));
}
