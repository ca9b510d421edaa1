/** Checked by the compiler, never run. `@ts-expect-error` marks code that must not compile. */
import { createServer } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { serve } from '@hono/node-server';
import express from 'express';
import fastify from 'fastify';
import { Hono } from 'hono';
import { SocketIOComponent, type SocketIOServerHelper } from '../../src/index.js';

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
function same<A, B>(_: Equal<A, B>): void {}

interface Up {
  say(text: string): void;
}
interface Down {
  said(text: string): void;
}
interface Between {
  reload(what: string): void;
}
interface Data {
  user: string;
}

const component = new SocketIOComponent<Up, Down, Between, Data>({
  authenticateFn: () => true,
  clientConnectedFn: ({ socket }) => {
    same<typeof socket.data, Data>(true);
    socket.on('say', (text) => same<typeof text, string>(true));
  },
  onFailure: { connected: 'disconnect' },
  cors: { origin: ['https://app.example', /\.app\.example$/] },
  serverOptions: { pingInterval: 10_000 },
});
same<typeof component.helper, SocketIOServerHelper<Up, Down, Between, Data>>(true);
component.helper.send({ payload: { topic: 'said', data: 'x' } });
// @ts-expect-error: the payload is a string
component.helper.send({ payload: { topic: 'said', data: 1 } });

// The server of each framework is accepted without a cast.
const app = new Hono();
component.start(express().listen(0));
component.start(fastify());
component.start(fastify().server);
component.start(serve({ fetch: app.fetch }));
component.start(createServer());
component.start(createSecureServer());
component.start(async () => createServer());
component.start(() => undefined);
component.start();

// @ts-expect-error: an app is not a server
component.start(app);
// @ts-expect-error: authenticateFn is required
new SocketIOComponent({});
// @ts-expect-error: the component has its own option for the path
new SocketIOComponent({ authenticateFn: () => true, serverOptions: { path: '/io' } });
// @ts-expect-error: origins must be listed
new SocketIOComponent({ authenticateFn: () => true, cors: {} });
