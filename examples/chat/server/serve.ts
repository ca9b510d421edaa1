import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createAdaptorServer } from '@hono/node-server';
import { RuntimeModules } from 'roomgate';
import type { ChatComponent } from './types.js';

type Fetch = (request: Request) => Response | Promise<Response>;

/**
 * Starts the component, and lets `fetch` answer all requests that are not for Socket.IO. Resolves to a function that listens on a
 * port, and resolves to that port. No request comes before it is called, so the program can prepare the rest in between. `host`
 * undefined: all interfaces. Only this file contains differences between Node.js and Bun.
 */
export async function startOn(component: ChatComponent, fetch: Fetch) {
  if (RuntimeModules.isBun()) {
    await component.start();
    return async (port: number, hostname: string | undefined): Promise<number> =>
      (await component.serve({ port, hostname, fetch })).port ?? port;
  }
  const server = createAdaptorServer({ fetch }) as Server;
  await component.start(server);
  return async (port: number, host: string | undefined): Promise<number> => {
    await once(server.listen(port, host), 'listening');
    return (server.address() as AddressInfo).port;
  };
}
