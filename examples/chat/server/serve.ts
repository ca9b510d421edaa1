import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createAdaptorServer } from '@hono/node-server';
import { RuntimeModules } from 'roomgate';
import type { ChatComponent } from './types.js';

export interface ServeParts {
  component: ChatComponent;
  /** Answers all requests that are not for Socket.IO. */
  fetch: (request: Request) => Response | Promise<Response>;
}

/** The component and `fetch` on one port. */
export interface Serving {
  /** Starts the component. No request comes before `listen`, so the program can prepare the rest in between. */
  start(): Promise<void>;
  /** Resolves to the port. `host` undefined: all interfaces. */
  listen(port: number, host: string | undefined): Promise<number>;
  /** May be called at any time, even twice. */
  stop(): Promise<void>;
}

/** Only this file contains differences between Node.js and Bun. */
export function servingOn(parts: ServeParts): Serving {
  return RuntimeModules.isBun() ? servingOnBun(parts) : servingOnNode(parts);
}

function servingOnNode({ component, fetch }: ServeParts): Serving {
  const server = createAdaptorServer({ fetch }) as Server;
  return {
    start: () => component.start(server),
    async listen(port, host) {
      server.listen(port, host);
      await once(server, 'listening');
      return (server.address() as AddressInfo).port;
    },
    stop: () => component.stop(),
  };
}

function servingOnBun({ component, fetch }: ServeParts): Serving {
  return {
    start: () => component.start(),
    async listen(port, hostname) {
      const server = await component.serve({ port, hostname, fetch });
      return server.port ?? port;
    },
    stop: () => component.stop(),
  };
}
