import { fieldsOf } from '../common/checks.js';
import { shown } from '../common/log-text.js';
import { parseJson } from './parse-json.js';

/** The address of an attempt to connect. */
export interface Target {
  /** Protocol, name and port: `http://localhost:3000`. */
  readonly server: string;
  /** Of Socket.IO's endpoint. */
  readonly path: string;
  readonly namespace: string;
  /** Milliseconds. */
  readonly timeout: number;
}

/** Facts that a page can find out when the browser hides the reason. */
export interface PageFacts {
  /** The origin of the page. */
  readonly origin: string;
  readonly isOnline: boolean;
  /** Whether the server answers at all; undefined if that is not known. */
  readonly answers: boolean | undefined;
}

/** The known facts about a failed attempt. */
interface Failure {
  /** The status of the HTTP answer; 0 without an answer. */
  readonly status: number;
  readonly body: string;
  /** The target of a redirect. */
  readonly location: string | undefined;
  /** Code of an error of the network, such as ECONNREFUSED. Browsers hide it. */
  readonly code: string;
  readonly detail: string;
}

const TRUST = /^(CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_|ERR_TLS_CERT|HOSTNAME_MISMATCH|UNKNOWN_CERTIFICATE)/;
const TLS = /^(EPROTO|ERR_SSL_|ERR_TLS_)/;
const NOT_REACHED: ReadonlySet<string> = new Set(['EHOSTUNREACH', 'ENETUNREACH', 'ETIMEDOUT', 'EHOSTDOWN', 'ENETDOWN']);

/**
 * The error of an attempt to connect in words that name the cause, with Socket.IO's own error as `cause`. Socket.IO says
 * "xhr poll error" for a refused connection, a wrong path and CORS alike. An error of the server's program is returned as it is.
 */
export function explain(raw: Error, target: Target, page: PageFacts | undefined): Error {
  const text = causeOf(raw, target, page);
  return text === undefined ? raw : new Error(text, { cause: raw });
}

/** Whether a browser hides why this attempt failed. */
export function isHidden(raw: Error): boolean {
  const { status, code } = failureOf(raw);
  return isOfTransport(raw) && status === 0 && code === '';
}

function isOfTransport(raw: Error): boolean {
  return fieldsOf(raw).type === 'TransportError';
}

function isOfSocket(raw: Error): boolean {
  return raw.message === 'websocket error';
}

function causeOf(raw: Error, target: Target, page: PageFacts | undefined): string | undefined {
  const { server, path, namespace, timeout } = target;
  if (raw.message === 'Invalid namespace') {
    return `the server has no namespace "${namespace}", which is the path of "host"; if that is the path of Socket.IO, move it to "options.path"`;
  }
  if (raw.message === 'timeout')
    return `no answer from ${server} at ${path} within ${timeout} ms; check "options.path"`;
  if (raw.message === 'parser error') return notSocketIO(target, '');
  if (!isOfTransport(raw)) return undefined;
  const failure = failureOf(raw);
  if (failure.status > 0) return answered(failure, target, isOfSocket(raw));
  if (failure.code !== '') return broken(failure, target);
  if (page !== undefined) return hidden(raw, target, page);
  return `the connection to ${server} failed: ${failure.detail || raw.message}`;
}

function failureOf(raw: Error): Failure {
  const { description, context } = fieldsOf(raw);
  const { status, statusText, responseText } = fieldsOf(context);
  // `ws` gives an event with the error, a request of HTTP long polling the error as its status text, `fetch` its cause.
  const error = fieldsOf(description).error ?? (statusText instanceof Error ? statusText : description);
  const message = String(fieldsOf(error).message ?? '');
  const [, upgrade] = /^Unexpected server response: (\d+)/.exec(message) ?? [];
  return {
    status: Number(upgrade ?? status ?? description) || 0,
    body: typeof responseText === 'string' ? responseText : '',
    location: locationOf(context),
    code: String(fieldsOf(error).code ?? fieldsOf(fieldsOf(error).cause).code ?? ''),
    detail: shown(message),
  };
}

function locationOf(context: unknown): string | undefined {
  const { getResponseHeader } = fieldsOf(context);
  try {
    const location: unknown = typeof getResponseHeader === 'function' && getResponseHeader.call(context, 'location');
    return typeof location === 'string' ? shown(withoutSecrets(location)) : undefined;
  } catch {
    // Without an answer there are no headers.
    return undefined;
  }
}

/** The query of the request, which often comes back in the address, may have a token. So may the name and password in front. */
function withoutSecrets(address: string): string {
  return address.replace(/[?#].*$/s, '').replace(/^([a-z][a-z+.-]*:)?\/\/[^/]*@/i, '$1//');
}

/** The server, or a proxy before it, answered, but not with a connection. */
function answered({ status, body, location }: Failure, target: Target, isSocket: boolean): string {
  const { server } = target;
  const http = `(HTTP ${status})`;
  if (location !== undefined || (status >= 300 && status < 400)) {
    const to = location === undefined ? 'another address' : location;
    return `${server} redirects to ${to}, and Socket.IO does not follow; set "host" to the final address`;
  }
  const { code, message } = fieldsOf(parseJson(body));
  // A body that is unknown, as with the transport Fetch, is most often this.
  if (code === 1 || (status === 400 && message === undefined && !isSocket)) {
    return `${server} has no such session ${http}; with several instances, make the load balancer sticky, or set transports: ["websocket"]`;
  }
  if (code === 4 && message === 'Origin not allowed') return originRefused(target, http);
  if (typeof message === 'string') return `${server} refused the connection ${http}: ${shown(message)}`;
  if (status === 404) return `no Socket.IO server at ${target.path} on ${server} ${http}; check "options.path"`;
  if (status === 200) return notSocketIO(target, ` ${http}`);
  if (status >= 502 && status <= 504) return `a proxy at ${server} can't reach the server ${http}`;
  if (status === 403) return `${server} refused the connection ${http}; check that it allows this origin`;
  if (isSocket) {
    return `${server} refused the WebSocket ${http}; check that it allows this origin, and that proxies pass on the "Upgrade" header`;
  }
  return `${server} answered with HTTP ${status} instead of a connection`;
}

/** An error of the network, whose code is known. */
function broken({ code, detail }: Failure, { server }: Target): string {
  const host = server.replace(/^[a-z]+:\/\//, '');
  if (code === 'ECONNREFUSED') return `connection refused at ${host}: no server listens there`;
  if (code === 'ENOTFOUND') return `host ${host} was not found; check "host"`;
  if (code === 'EAI_AGAIN') return `host ${host} could not be looked up (EAI_AGAIN); check the network`;
  if (NOT_REACHED.has(code)) return `host ${host} can't be reached (${code})`;
  if (code === 'ECONNRESET' || code === 'EPIPE') {
    return `${host} closed the connection without an answer (${code}); check "http" or "https" in "host"`;
  }
  if (TRUST.test(code)) return `the TLS certificate of ${host} is not trusted (${code}: ${detail})`;
  if (TLS.test(code))
    return `the TLS handshake with ${host} failed (${code}); if it expects HTTP, write "http://" in "host"`;
  return `the connection to ${host} failed (${code}: ${detail})`;
}

/** A browser that hides the reason. */
function hidden(raw: Error, { server, path }: Target, { origin, isOnline, answers }: PageFacts): string {
  if (!isOnline) return `this device is offline, so ${server} can't be reached`;
  if (answers === false) return `can't reach ${server}: no server answers there`;
  const isOwn = server === origin;
  if (answers === true && isOfSocket(raw)) {
    return `${server} answers, but not to a WebSocket at ${path}; check "options.path", the allowed origins, and proxies`;
  }
  if (isOwn) return `can't reach ${server}`;
  const refused = `this page's origin (${origin}) is not allowed by ${server}`;
  if (answers === true) {
    return `${refused}, or there is no Socket.IO server at ${path}; check "cors.origin" and "options.path"`;
  }
  return `can't connect to ${server}: no server answers there, or ${refused}`;
}

function originRefused({ server }: Target, http: string): string {
  return `this page's origin is not allowed by ${server} ${http}; add it to "cors.origin" on the server`;
}

function notSocketIO({ server, path }: Target, http: string): string {
  return `${server} answered at ${path}${http}, but not as a Socket.IO server; check "options.path"`;
}
