import type { ManagerOptions, SocketOptions } from 'socket.io-client';
import { agentWithoutRedirects } from './node-agent.js';
import type { IOptions } from './options.js';

/**
 * A copy, since Socket.IO writes into what it is given. In Node.js requests of HTTP long polling don't keep the process alive;
 * Socket.IO's timers do, as long as the connection is wanted. It can't cancel a request, so that a server which accepts and
 * never answers would keep a process alive after `shutdown()`. Without a time-out for connecting there is no such timer.
 */
export function forSocketIO(host: string, options: IOptions): Partial<ManagerOptions & SocketOptions> {
  const given = { ...options } as Partial<ManagerOptions & SocketOptions>;
  const perTransport = (given.transportOptions ?? {}) as Readonly<Record<string, { readonly agent?: unknown }>>;
  // The type says number; Socket.IO takes false for "none".
  const autoUnref = (given.timeout as unknown) === false ? {} : { autoUnref: true };
  const agent = agentWithoutRedirects(host, perTransport.polling?.agent ?? given.agent);
  const polling = { ...autoUnref, ...perTransport.polling, ...(agent === undefined ? {} : { agent }) };
  given.transportOptions = { ...perTransport, polling };
  return given;
}
