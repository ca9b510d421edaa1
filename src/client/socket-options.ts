import { type ManagerOptions, NodeWebSocket, NodeXHR, type SocketOptions, WebTransport } from 'socket.io-client';
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
  const transports = onNode(given.transports);
  if (transports !== undefined && given.transportImplementations === undefined) given.transports = transports;
  const polling = { ...autoUnref, ...perTransport.polling, ...(agent === undefined ? {} : { agent }) };
  given.transportOptions = { ...perTransport, polling };
  return given;
}

/** How long a peer may take to answer the end of a WebSocket. */
const CLOSE_TIMEOUT_MS = 5_000;

/**
 * In Node.js: `ws` keeps the process for 30 s where the peer does not answer its closing frame. Undefined where socket.io-client does
 * not export its transports, which its CommonJS files don't.
 */
function boundedWebSocket(Base: typeof NodeWebSocket | undefined): typeof NodeWebSocket | undefined {
  if (Base === undefined) return undefined;
  return class extends Base {
    override createSocket(uri: string, protocols: string | string[] | undefined, options: object): unknown {
      return super.createSocket(uri, protocols, { ...options, closeTimeout: CLOSE_TIMEOUT_MS });
    }
  };
}

type TTransports = NonNullable<ManagerOptions['transports']>;

/** The classes of the transports; undefined elsewhere, and where the program names classes itself. */
function onNode(transports: TTransports = ['polling', 'websocket', 'webtransport']): TTransports | undefined {
  const { process } = globalThis as { readonly process?: { readonly versions?: { readonly node?: string } } };
  const websocket = process?.versions?.node === undefined ? undefined : boundedWebSocket(NodeWebSocket);
  if (websocket === undefined) return undefined;
  const classes = { polling: NodeXHR, websocket, webtransport: WebTransport };
  const names = transports.filter((one) => typeof one === 'string') as (keyof typeof classes)[];
  return names.length === transports.length ? names.map((name) => classes[name]) : undefined;
}
