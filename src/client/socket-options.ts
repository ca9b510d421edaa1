import { NodeWebSocket, NodeXHR, WebTransport } from 'engine.io-client';
import type { ManagerOptions, SocketOptions } from 'socket.io-client';
import { agentWithoutRedirects, nodeProcess } from './node-agent.js';
import type { IOptions } from './options.js';
import { boundedWebSocket } from './socket-io.js';

/**
 * Copies the options, because Socket.IO writes into them, and adds what Node.js needs to end in time. Socket.IO can't cancel a
 * request of HTTP long polling, so a server that never answers would keep the process alive after `shutdown()`. Therefore these
 * requests don't keep it alive; Socket.IO's timers do while the connection is wanted. Without a connect timeout there is no such timer.
 */
export function forSocketIO(host: string, options: IOptions): Partial<ManagerOptions & SocketOptions> {
  const given = { ...options } as Partial<ManagerOptions & SocketOptions>;
  const perTransport = (given.transportOptions ?? {}) as Readonly<Record<string, { readonly agent?: unknown }>>;
  // The type says number; Socket.IO takes false for "none".
  const autoUnref = (given.timeout as unknown) === false ? {} : { autoUnref: true };
  const agent = agentWithoutRedirects(host, perTransport.polling?.agent ?? given.agent);
  const transports = onNode(given.transports);
  if (transports !== undefined && given.transportImplementations === undefined) given.transports = transports;
  const polling = { ...autoUnref, ...perTransport.polling, ...(agent === undefined ? {} : { agent }) };
  given.transportOptions = { ...perTransport, polling };
  return given;
}

type Transports = NonNullable<ManagerOptions['transports']>;

/** The classes of the transports on Node.js. Undefined on other runtimes, and if the program sets classes itself. */
function onNode(transports: Transports = ['polling', 'websocket', 'webtransport']): Transports | undefined {
  const websocket = nodeProcess() === undefined ? undefined : boundedWebSocket(NodeWebSocket);
  if (websocket === undefined) return undefined;
  const classes = { polling: NodeXHR, websocket, webtransport: WebTransport };
  const names = transports.filter((one) => typeof one === 'string') as (keyof typeof classes)[];
  return names.length === transports.length ? names.map((name) => classes[name]) : undefined;
}
