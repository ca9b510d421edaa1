import type { HandlerFailed, LimitReached, OptionIgnored } from '../observability/shared-reports.js';
import type { LogLines } from '../ports/reports.js';

/** An event of a client was dropped before any handler of the program saw it. The connection stays. */
export interface EventDropped {
  readonly type: 'event_dropped';
  /** The id of the socket, or of the connection while it has no socket. */
  readonly client: string;
  /**
   * `unauthenticated`: before authentication only `authenticate` is accepted. `too_deep`: deeper than `limits.payloadDepth`.
   * `too_many_arguments`: more than 10 000. `too_large`: larger than `limits.payloadBytes`, or than a client may send before
   * authentication. `reserved`: its name starts with `roomgate:`.
   */
  readonly reason: 'unauthenticated' | 'too_deep' | 'too_many_arguments' | 'too_large' | 'reserved';
}

/** `limits.unauthenticatedConnections` or `limits.unauthenticatedPerAddress` was reached, and this was the oldest connection. */
export type StrangerLimit = 'unauthenticated_connections' | 'unauthenticated_per_address';

type OwnReport =
  | EventDropped
  /**
   * A request came from a private address and says that it came through a proxy, and the program has not said how many proxies there
   * are. So the addresses of clients are unknown, and limits that count addresses have no effect. Once an instance.
   */
  | {
      readonly type: 'proxy_unknown';
      /** The header by which the proxy was noticed. */
      readonly header: string;
      /** The option that names the number of proxies. */
      readonly option: string;
    }
  /** The `auth` of a client's handshake is larger than allowed before authentication. The client is refused. */
  | {
      readonly type: 'auth_too_large';
      /** The id of the connection. */
      readonly client: string;
      /** The limit in bytes. */
      readonly maxBytes: number;
    }
  /**
   * The installed ws differs from the expected one, so only `maxHttpBufferSize` limits messages before authentication. Once an
   * instance.
   */
  | {
      readonly type: 'size_limit_fallback';
      /** The internal that was not found. */
      readonly missing: string;
    }
  /**
   * A client sent a message over WebSocket, or a body over long polling, that is larger than `serverOptions.maxHttpBufferSize`. No part of
   * it is handled.
   */
  | {
      readonly type: 'message_too_large';
      /** The id of the socket, or of the connection while it has no socket. */
      readonly client: string;
      /** The limit in bytes. */
      readonly maxBytes: number;
      /** The code of the close frame over WebSocket, whose connection is closed; the status of the POST over long polling. */
      readonly answer: 1009 | 413;
    }
  /** The installed ws or engine.io differs from the expected one, so messages over one transport are neither paced nor limited in their rate. Once an instance. */
  | {
      readonly type: 'pacing_fallback';
      /** The internal that was not found. */
      readonly missing: string;
    };

/** The reports of `ingress/`. */
export type IngressReport = OwnReport | LimitReached<StrangerLimit> | HandlerFailed | OptionIgnored;

export const INGRESS_LINES: LogLines<OwnReport> = {
  event_dropped: ['debug', (r) => `dropped an event of client ${r.client}: ${r.reason}`],
  auth_too_large: [
    'warn',
    (r) =>
      `connection ${r.client} refused: its auth is larger than ${r.maxBytes} bytes; send a token in auth, and load the rest on the server`,
  ],
  proxy_unknown: [
    'warn',
    (r) =>
      `a proxy sends ${r.header}, and the option "${r.option}" is not set, so no limit counts the addresses of clients; ` +
      `set ${r.option} to the number of proxies in front of this server, such as ${r.option}: 1`,
  ],
  size_limit_fallback: [
    'warn',
    (r) =>
      `before authentication, messages are limited by maxHttpBufferSize instead of 16 KB: did not find ${r.missing}; ` +
      'install the version of ws that Roomgate requires',
  ],
  message_too_large: [
    'warn',
    (r) =>
      `client ${r.client} sent more than serverOptions.maxHttpBufferSize, ${r.maxBytes} bytes: ` +
      (r.answer === 1009
        ? 'its connection was closed with code 1009; it may reconnect'
        : 'its POST was answered 413, after which it closes its connection'),
  ],
  pacing_fallback: [
    'warn',
    (r) =>
      `a client that sends much can keep others waiting, and messagesPerSecond has no effect: did not find ${r.missing}; ` +
      'install the versions of ws and engine.io that Roomgate requires',
  ],
};
