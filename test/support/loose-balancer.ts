import { createServer, type IncomingMessage, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { track } from './cleanup.js';

/** Returns the index of the instance for a request. */
export type Route = (request: IncomingMessage) => number;

/** Round robin: each request goes to the next instance, regardless of its session. */
export function roundRobin(instances: number): Route {
  let turn = 0;
  return () => turn++ % instances;
}

/** An HTTP proxy without sticky sessions and without upgrades. Resolves to its address. */
export async function startLooseBalancer(ports: readonly number[], route: Route): Promise<string> {
  const proxy = createServer((near, answer) => {
    const { url: path, method, headers } = near;
    const far = request({ host: '127.0.0.1', port: ports[route(near)], path, method, headers }, (response) => {
      answer.writeHead(response.statusCode ?? 502, response.headers);
      response.pipe(answer);
    });
    far.on('error', () => answer.destroy());
    answer.on('close', () => far.destroy());
    near.pipe(far);
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  track({
    stop: async () => {
      proxy.closeAllConnections();
      proxy.close();
    },
  });
  return `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
}
