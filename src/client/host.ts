/** The parts of a host, as socket.io-client reads it. */
export interface Host {
  /** The whole address, with a protocol. */
  readonly uri: string;
  /** Protocol, name, port and query: one connection can serve all namespaces of it. */
  readonly server: string;
  /** Protocol, name and port of HTTP requests, for people: without a password. */
  readonly origin: string;
  readonly namespace: string;
}

/** The part of a browser's page that is used. Node.js has none. */
interface Page {
  readonly location?: { readonly protocol: string; readonly host: string };
}

const WITH_PROTOCOL = /^(https?|wss?):\/\//;
const PARTS = /^([a-z]+:\/\/[^/?#]*)([^?#]*)([^#]*)/;

/** The start of an address: protocol, perhaps a user, a name or an IPv6 address, perhaps a port. */
const START = /^[a-z]+:\/\/([^/?#@\s]*@)?(\[[\w:.%]+\]|[^\s:/?#@[\]<>"{}|\\^`]+)(:\d{1,5})?$/i;
/** Names that a variable without a value leaves in an address. */
const NO_NAME = /^(undefined|null|NaN)$/;
const MOST_PORT = 65_535;

/** Whether the text has the form of an address that a client can connect to. */
export function isAddress(host: string): boolean {
  const [, start = ''] = PARTS.exec(complete(host, (globalThis as Page).location)) ?? [];
  const [, , name = '', port] = START.exec(start) ?? [];
  if (name === '' || NO_NAME.test(name)) return false;
  return port === undefined || (Number(port.slice(1)) > 0 && Number(port.slice(1)) <= MOST_PORT);
}

/** A path of a page's own server, an address without a protocol and one without a scheme are completed, as Socket.IO does. */
export function readHost(host: string): Host {
  const uri = complete(host, (globalThis as Page).location);
  const [, start = '', path = '', query = ''] = PARTS.exec(uri) ?? [];
  const origin = start.replace(/^ws/, 'http').replace(/\/\/[^/]*@/, '//');
  return { uri, server: `${start}${query}`, origin, namespace: path === '' ? '/' : path };
}

function complete(host: string, location: Page['location']): string {
  const protocol = location?.protocol ?? 'https:';
  if (host.startsWith('//')) return `${protocol}${host}`;
  const named = host.startsWith('/') ? `${location?.host ?? ''}${host}` : host;
  return WITH_PROTOCOL.test(named) ? named : `${protocol}//${named}`;
}
