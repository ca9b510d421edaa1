/** The parts of a host, as socket.io-client reads it. */
export interface Host {
  /** The whole address, with a protocol. */
  readonly uri: string;
  /** Protocol, name, port and query: one connection can serve all namespaces of it. */
  readonly server: string;
  readonly namespace: string;
}

/** The part of a browser's page that is used. Node.js has none. */
interface Page {
  readonly location?: { readonly protocol: string; readonly host: string };
}

const WITH_PROTOCOL = /^(https?|wss?):\/\//;
const PARTS = /^([a-z]+:\/\/[^/?#]*)([^?#]*)([^#]*)/;

/** A path of a page's own server, an address without a protocol and one without a scheme are completed, as Socket.IO does. */
export function readHost(host: string): Host {
  const uri = complete(host, (globalThis as Page).location);
  const [, origin = '', path = '', query = ''] = PARTS.exec(uri) ?? [];
  return { uri, server: `${origin}${query}`, namespace: path === '' ? '/' : path };
}

function complete(host: string, location: Page['location']): string {
  const protocol = location?.protocol ?? 'https:';
  if (host.startsWith('//')) return `${protocol}${host}`;
  const named = host.startsWith('/') ? `${location?.host ?? ''}${host}` : host;
  return WITH_PROTOCOL.test(named) ? named : `${protocol}//${named}`;
}
