// NestJS's Socket.IO gateway. Its decorators are called as functions, like a compiler does.
import 'reflect-metadata';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ConnectedSocket, MessageBody, SubscribeMessage, WebSocketGateway, WebSocketServer } from '@nestjs/websockets';
import { authenticateFn, defaultRooms, host, path, settings, TOPIC } from './host.mjs';

const time = () => new Date().toISOString();

/** The same features as by-hand.mjs, as a gateway. */
class Gateway {
  clients = new Map();

  handleConnection(socket) {
    const client = { socket, state: 'unauthorized', interval: undefined };
    client.authenticateTimeout = setTimeout(() => socket.disconnect(), 10_000);
    this.clients.set(socket.id, client);
  }

  handleDisconnect(socket) {
    const client = this.clients.get(socket.id);
    clearTimeout(client?.authenticateTimeout);
    clearInterval(client?.interval);
    this.clients.delete(socket.id);
  }

  async authenticate(socket) {
    const client = this.clients.get(socket.id);
    if (client?.state !== 'unauthorized') return;
    client.state = 'authenticating';
    if (!(await authenticateFn(socket.handshake))) return void socket.disconnect();
    client.state = 'authenticated';
    clearTimeout(client.authenticateTimeout);
    const ping = () => socket.emit('ping', { time: time() });
    ping();
    socket.join(defaultRooms);
    client.interval = setInterval(ping, settings.pingInterval ?? 30_000);
    socket.emit('authenticated', { id: socket.id, time: time() });
  }

  join(socket, { rooms }) {
    socket.join(rooms);
  }

  say(text) {
    this.io.to(defaultRooms[0]).emit(TOPIC, text);
  }
}

function handles(event, ...parameters) {
  const descriptor = Object.getOwnPropertyDescriptor(Gateway.prototype, event);
  for (const [index, parameter] of parameters.entries()) parameter(Gateway.prototype, event, index);
  SubscribeMessage(event)(Gateway.prototype, event, descriptor);
}

handles('authenticate', ConnectedSocket());
handles('join', ConnectedSocket(), MessageBody());
handles('say', MessageBody());
WebSocketServer()(Gateway.prototype, 'io');
WebSocketGateway({ path, serveClient: false, ...settings.serverOptions })(Gateway);

class App {}
Module({ providers: [Gateway] })(App);

await host(async () => {
  const app = await NestFactory.create(App, { logger: false });
  await app.listen(0, '127.0.0.1');
  const gateway = app.get(Gateway);
  return {
    port: app.getHttpServer().address().port,
    clients: () => gateway.clients.size,
    publish: (room, text) => gateway.io.to(room).emit(TOPIC, text),
  };
});
