import type { IncomingMessage } from 'node:http';
import { isObject, wrongOption } from '../common/checks.js';
import type { Reporter } from '../ports/reports.js';
import { RoomgateError } from '../protocol/errors.js';
import type { GateReport } from './reports.js';

/** One origin (`https://app.example`), or a pattern of origins. */
export type TOrigin = string | RegExp;

/** A function that decides on each origin, in the form of the `cors` package: `callback(null, true)` allows it. */
export type TOriginFn = (
  origin: string | undefined,
  callback: (error: Error | null, allow?: boolean | TOrigin | (boolean | TOrigin)[]) => void,
) => void;

/** The pages of other origins that may connect. Other options are passed to the `cors` package. */
export interface ISocketIOCorsOptions {
  /** `true` and `'*'` allow every origin. */
  origin: boolean | TOrigin | TOrigin[] | TOriginFn;
  /** Whether browsers send cookies. Not together with `'*'`, which browsers refuse. Default false. */
  credentials?: boolean | undefined;
  methods?: string | string[] | undefined;
  allowedHeaders?: string | string[] | undefined;
  exposedHeaders?: string | string[] | undefined;
  /** Seconds for which a browser keeps the answer to a preflight request. */
  maxAge?: number | undefined;
}

/** Socket.IO's `allowRequest`. */
export type AllowRequest = (
  request: IncomingMessage,
  decide: (error: string | null | undefined, allow: boolean) => void,
) => void;

/** Characters of a client's `Origin` and `Host` in a report. */
const SHOWN = 100;

/**
 * Refuses handshakes of browsers for pages of other origins. CORS alone does not: it does not apply to WebSockets, which carry
 * the user's cookies (RFC 6455, section 10.2). A request without an origin is not from a browser, and passes.
 */
export function guardOrigins(
  { origin: allowed }: Pick<ISocketIOCorsOptions, 'origin'>,
  next: AllowRequest | undefined,
  report: Reporter<GateReport>,
): AllowRequest {
  return (request, decide) => {
    const { origin, host } = request.headers;
    const judge = (lets: boolean): void => {
      if (lets) next === undefined ? decide(null, true) : next(request, decide);
      else {
        report({ type: 'origin_refused', origin: `${origin}`.slice(0, SHOWN), host: `${host}`.slice(0, SHOWN) });
        decide('Origin not allowed', false);
      }
    };
    if (origin === undefined || isOwn(origin, host)) judge(true);
    else ask(allowed, origin, judge);
  };
}

/**
 * Wraps the program's function `origin`. It is called with origins only; an error, thrown, rejected or passed to the callback,
 * refuses the origin; its first answer counts. The `cors` package would pass an error on, and leave a rejection unhandled.
 */
export function harmless(cors: ISocketIOCorsOptions, report: Reporter<GateReport>): ISocketIOCorsOptions {
  const { origin: ask } = cors;
  if (typeof ask !== 'function') return cors;
  const origin: TOriginFn = (given, callback) => {
    let isOpen = true;
    const answer = (allow: Parameters<typeof callback>[1]): void => {
      if (isOpen) callback(null, allow ?? false);
      isOpen = false;
    };
    const failed = (error: unknown): void => {
      report({ type: 'handler_failed', where: 'cors.origin', error });
      answer(false);
    };
    if (given === undefined) answer(false);
    // In a promise, so that a throw and a rejection are handled alike.
    else void new Promise((done) => done(ask(given, (error, allow) => answer(error ? false : allow)))).catch(failed);
  };
  return { ...cors, origin };
}

/** Checks `cors`; without it no other origin is allowed. @throws RoomgateError */
export function checkCors(of: string, cors: unknown): ISocketIOCorsOptions | undefined {
  if (cors === undefined) return undefined;
  if (!namesOrigins(cors)) {
    throw wrongOption(of, 'cors', 'an object that names origins, such as { origin: "https://app.example" }', cors);
  }
  const { origin, credentials } = cors;
  for (const one of Array.isArray(origin) ? origin : [origin]) checkOrigin(of, one);
  if (credentials === true && (origin === '*' || (Array.isArray(origin) && origin.includes('*')))) {
    throw new RoomgateError(
      'invalid_option',
      `${of}: option "cors": browsers refuse the origin "*" together with credentials. Name the origins.`,
    );
  }
  return cors;
}

/** Whether it has the form of the option. Its origins are checked separately. */
function namesOrigins(cors: unknown): cors is ISocketIOCorsOptions {
  return isObject(cors) && typeof cors !== 'function' && cors.origin !== undefined;
}

function checkOrigin(of: string, origin: unknown): void {
  if (typeof origin === 'boolean' || typeof origin === 'function' || origin instanceof RegExp) return;
  if (origin === '*' || origin === 'null') return;
  if (typeof origin !== 'string') {
    throw wrongOption(of, 'cors.origin', 'an origin, a pattern, a list of them, a boolean or a function', origin);
  }
  const meant = originOf(origin);
  if (meant === origin) return;
  const advice = meant === undefined ? 'it begins with its scheme, as in "https://app.example"' : `write "${meant}"`;
  throw new RoomgateError(
    'invalid_option',
    `${of}: option "cors.origin": "${origin}" is never what a browser sends: ${advice}.`,
  );
}

/** The origin of an address as a browser writes it; undefined if the text is no address of a page. */
function originOf(text: string): string | undefined {
  if (!URL.canParse(text)) return undefined;
  const { protocol, host } = new URL(text);
  return host === '' ? undefined : `${protocol}//${host}`;
}

/** Whether the page has the same host as the request. The scheme is not compared: a proxy may have ended TLS. */
function isOwn(origin: string, host: string | undefined): boolean {
  if (host === undefined || !URL.canParse(origin)) return false;
  const page = new URL(origin);
  // `ftp:` and `javascript:` have hosts too, and pages of an app (`capacitor:`) may have any.
  if (page.protocol !== 'https:' && page.protocol !== 'http:') return false;
  // One of them may name a default port, and the other not.
  const here = `${page.protocol}//${host}`;
  return URL.canParse(here) && new URL(here).host === page.host;
}

function ask(allowed: ISocketIOCorsOptions['origin'], origin: string, judge: (lets: boolean) => void): void {
  if (typeof allowed === 'function') allowed(origin, (_, answer) => judge(matches(answer, origin)));
  else judge(matches(allowed, origin));
}

function matches(allowed: unknown, origin: string): boolean {
  if (Array.isArray(allowed)) return allowed.some((one) => matches(one, origin));
  // Not `test`, which with the flag "g" starts where its last match ended.
  if (allowed instanceof RegExp) return origin.search(allowed) >= 0;
  return allowed === true || allowed === '*' || allowed === origin;
}
