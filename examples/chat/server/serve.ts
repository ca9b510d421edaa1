import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createAdaptorServer } from '@hono/node-server';
import { RuntimeModules } from 'roomgate';
import type { TChatComponent } from './types.js';

export interface IServeParts {
  component: TChatComponent;
  /** Answers what Socket.IO does not. */
  fetch: (request: Request) => Response | Promise<Response>;
}

/** The component and `fetch` on one port. */
export interface IServing {
  /** Starts the component. Nobody comes before `listen`, so what is behind it can be put there in between. */
  start(): Promise<void>;
  /** Resolves to the port. `host` undefined: all interfaces. */
  listen(port: number, host: string | undefined): Promise<number>;
  /** Harmless at any time. */
  stop(): Promise<void>;
}

/** All that differs between the runtimes is in this file. */
export function servingOn(parts: IServeParts): IServing {
  return RuntimeModules.isBun() ? servingOnBun(parts) : servingOnNode(parts);
}

function servingOnNode({ component, fetch }: IServeParts): IServing {
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

function servingOnBun({ component, fetch }: IServeParts): IServing {
  return {
    start: () => component.start(),
    async listen(port, hostname) {
      const server = await component.serve({ port, hostname, fetch });
      return server.port ?? port;
    },
    stop: () => component.stop(),
  };
}
