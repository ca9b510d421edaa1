import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createAdaptorServer } from '@hono/node-server';
import { RuntimeModules } from 'roomgate';
import type { ChatComponent } from './types.js';

/** Serves requests on this port, and resolves to it. `host` undefined: all interfaces. */
type Listen = (port: number, host: string | undefined) => Promise<number>;

/**
 * Starts the component, and lets `fetch` answer all requests that are not for Socket.IO. No request comes before `listen`, so the
 * program can prepare the rest in between. Only this file contains differences between Node.js and Bun.
 */
export async function startOn(
  component: ChatComponent,
  fetch: (request: Request) => Response | Promise<Response>,
): Promise<Listen> {
  if (RuntimeModules.isBun()) {
    await component.start();
    return async (port, hostname) => (await component.serve({ port, hostname, fetch })).port ?? port;
  }
  const server = createAdaptorServer({ fetch }) as Server;
  await component.start(server);
  return async (port, host) => {
    await once(server.listen(port, host), 'listening');
    return (server.address() as AddressInfo).port;
  };
}
