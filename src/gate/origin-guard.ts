import type { IncomingHttpHeaders } from 'node:http';
import type { ServerOptions } from 'socket.io';
import { isRecord, wrongOption } from '../common/checks.js';
import { isClass } from '../common/describe.js';
import { isPromiseLike } from '../common/is-promise-like.js';
import { checkNames } from '../common/known-options.js';
import type { Reporter } from '../ports/reports.js';
import type { OriginGuard, OriginRequest } from '../ports/runtime.js';
import { RoomgateError } from '../protocol/errors.js';
import type { GateReport } from './reports.js';

/** One origin (`https://app.example`), or a pattern of origins. */
export type TOrigin = string | RegExp;

/**
 * A function that decides on each origin, in the form of the `cors` package: `callback(null, true)` allows it. An async function may
 * also return the answer.
 */
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

/** The option `cors` of Socket.IO, in every form of the `cors` package. */
type Cors = NonNullable<ServerOptions['cors']>;
/** The options of the `cors` package, unchecked. */
type CorsOptions = Readonly<Record<string, unknown>>;
type Answer = (error: unknown, value?: unknown) => void;

export interface GuardPagesOptions {
  /** The name of the option `cors.origin`, for the report. */
  readonly option: string;
  readonly report: Reporter<GateReport>;
}

/** The options of the `cors` package. */
const CORS_NAMES = [
  ...['origin', 'credentials', 'methods', 'allowedHeaders', 'exposedHeaders', 'maxAge'],
  ...['headers', 'preflightContinue', 'optionsSuccessStatus'],
];
/** Characters of a client's `Origin` and `Host` in a report. */
const SHOWN = 100;

/**
 * Refuses the pages of other origins that `cors` does not allow. CORS alone does not: it does not apply to WebSockets, which carry
 * the user's cookies (RFC 6455, section 10.2). A request without an origin is not from a page of another origin that could read the
 * answer, and passes.
 */
export function guardPages(cors: ServerOptions['cors'] | undefined, options: GuardPagesOptions): OriginGuard {
  const { option, report } = options;
  const asked = isAsked(cors) ? askOnce(cors, report) : undefined;
  const refuse = (origin: string, host: string | undefined): boolean => {
    report({ type: 'origin_refused', origin: origin.slice(0, SHOWN), host: `${host}`.slice(0, SHOWN), option });
    return false;
  };
  if (asked === undefined) reportNeverSent(cors, options);
  if (namesNone(cors)) report({ type: 'every_origin_allowed', option });
  return {
    cors: asked === undefined ? cors : asked.cors,
    admits(request, opened) {
      const { origin, host } = request.headers;
      if (origin === undefined || isOwnPage(request.headers, opened) || isOwn(origin, host)) return true;
      if (asked === undefined) return allows(cors, origin) || refuse(origin, host);
      return asked.of(request).then(
        (found) => allows(found, origin) || refuse(origin, host),
        () => false,
      );
    },
  };
}

/**
 * Whether the page has the same origin as the request, by `Sec-Fetch-Site`, which no page can set. It helps where a proxy changes
 * `Host`. Browsers send it to HTTPS and localhost only, and Chromium does not send it with a WebSocket. There the request that
 * opened the connection decides, because only pages of the same or an allowed origin could read the id in its answer.
 */
function isOwnPage(headers: IncomingHttpHeaders, opened: IncomingHttpHeaders | undefined): boolean {
  return headers[FETCH_SITE] === 'same-origin' || opened?.[FETCH_SITE] === 'same-origin';
}

const FETCH_SITE = 'sec-fetch-site';

/** Whether the `cors` package allows every origin because the program named none. */
function namesNone(cors: unknown): boolean {
  return cors === true || (isRecord(cors) && !('origin' in cors));
}

/** Whether the program is asked at each request. */
function isAsked(cors: ServerOptions['cors'] | undefined): cors is Cors {
  return typeof cors === 'function' || (isRecord(cors) && typeof cors.origin === 'function');
}

/** Asks the program once for each request: for the headers of the answer, and for the guard. Failures refuse, and are reported. */
function askOnce(
  cors: Cors,
  report: Reporter<GateReport>,
): { readonly cors: Cors; readonly of: (request: OriginRequest) => Promise<CorsOptions> } {
  const found = new WeakMap<OriginRequest, Promise<CorsOptions>>();
  const of = (request: OriginRequest): Promise<CorsOptions> => {
    const known = found.get(request) ?? askProgram(cors, request);
    if (found.has(request)) return known;
    found.set(request, known);
    known.catch((error: unknown) => report({ type: 'handler_failed', where: 'cors.origin', error }));
    return known;
  };
  const delegate = (request: OriginRequest, answer: Answer): void => {
    of(request).then((options) => answer(null, options), answer);
  };
  // The `cors` package takes a function of the request; the type of Socket.IO has it as `CorsOptionsDelegate`.
  return { cors: delegate as Cors, of };
}

/** The options that apply to a request, with a value in place of a function `origin`. */
async function askProgram(cors: unknown, request: OriginRequest): Promise<CorsOptions> {
  const options = typeof cors === 'function' ? await callback((answer) => cors(request, answer)) : cors;
  if (!isRecord(options)) return { origin: false };
  const { origin } = options;
  if (typeof origin !== 'function') return options;
  return { ...options, origin: (await callback((answer) => origin(request.headers.origin, answer))) ?? false };
}

/** The value that a function passes to its callback, or that it resolves to. Its throw or rejection is an error too. */
function callback(call: (answer: Answer) => unknown): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const outcome = call((error, value) => (error ? reject(error) : resolve(value)));
    // An async function that calls its callback later may resolve to undefined first.
    if (isPromiseLike(outcome)) outcome.then((value) => value === undefined || resolve(value), reject);
  });
}

/** Whether options allow an origin, as the `cors` package tells a browser. */
function allows(cors: unknown, origin: string): boolean {
  if (cors === true) return true;
  if (!isRecord(cors)) return false;
  const allowed = 'origin' in cors ? cors.origin : '*';
  return allowed === '*' || matches(allowed, origin);
}

/** The package takes `*` for every origin only where it stands alone. */
function matches(allowed: unknown, origin: string): boolean {
  if (Array.isArray(allowed)) return allowed.some((one) => matches(one, origin));
  // Not `test`, which with the flag "g" starts where its last match ended.
  if (allowed instanceof RegExp) return origin.search(allowed) >= 0;
  return allowed === true || allowed === origin;
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
    // In a promise, so that a throw and a rejection are handled alike. An async function may answer by its result.
    else {
      const outcome = new Promise<unknown>((done) => done(ask(given, (error, allow) => answer(error ? false : allow))));
      // `allows` judges the value, whatever it is.
      outcome.then((allow) => allow === undefined || answer(allow as Parameters<typeof callback>[1]), failed);
    }
  };
  return { ...cors, origin };
}

/** Checks `cors` of a component; without it no other origin is allowed. @throws RoomgateError */
export function checkCors(of: string, cors: unknown): ISocketIOCorsOptions | undefined {
  if (cors === undefined) return undefined;
  if (isRecord(cors)) checkNames(of, cors, CORS_NAMES, 'cors');
  if (!namesOrigins(cors)) {
    throw wrongOption(of, 'cors', 'an object that names origins, such as { origin: "https://app.example" }', cors);
  }
  const { origin, credentials } = cors;
  checkOrigins(of, 'cors.origin', origin);
  const [advice] = neverSent(origin);
  if (advice !== undefined) throw new RoomgateError('invalid_option', `${of}: option "cors.origin": ${advice}.`);
  if (credentials === true && origin === '*') {
    throw new RoomgateError(
      'invalid_option',
      `${of}: option "cors": browsers refuse the origin "*" together with credentials. Name the origins.`,
    );
  }
  return cors;
}

/** Checks `serverOptions.cors` of a helper, which may be a function too. @throws RoomgateError */
export function checkHelperCors(of: string, cors: unknown): void {
  if (!cors || cors === true || typeof cors === 'function') return;
  if (!isRecord(cors)) {
    throw wrongOption(
      of,
      'serverOptions.cors',
      'an object such as { origin: "https://app.example" }, or a function',
      cors,
    );
  }
  // A misspelled `origin` is missing, and then the `cors` package allows every origin.
  checkNames(of, cors, CORS_NAMES, 'serverOptions.cors');
  if (cors.origin) checkOrigins(of, 'serverOptions.cors.origin', cors.origin);
}

/** Whether it has the form of the option. Its origins are checked separately. */
function namesOrigins(cors: unknown): cors is ISocketIOCorsOptions {
  return isRecord(cors) && cors.origin !== undefined;
}

function checkOrigins(of: string, option: string, origin: unknown): void {
  for (const one of Array.isArray(origin) ? origin.flat(5) : [origin]) {
    const isOne = ['string', 'boolean', 'function'].includes(typeof one) || one instanceof RegExp;
    if (isOne && !isClass(one)) continue;
    throw wrongOption(of, option, 'an origin, a RegExp, an array of these, a boolean or a function', one);
  }
}

/** A reason with its fix for each text that no browser sends as an origin. */
function neverSent(origin: unknown): string[] {
  const texts = Array.isArray(origin) ? origin.flat(5).filter((one) => typeof one === 'string') : [origin];
  return texts.flatMap((text) => {
    if (typeof text !== 'string' || text === 'null' || text === 'file://') return [];
    if (text === '*') return Array.isArray(origin) ? ['"*" in an array allows no origin: write origin: "*"'] : [];
    if (text.includes(',')) return [`no browser sends "${text}" as an origin: write an array of origins`];
    if (text.includes('*')) return [`no browser sends "${text}" as an origin: for a pattern, write a RegExp`];
    const meant = originOf(text);
    if (meant === text) return [];
    const fix =
      meant === undefined ? 'an origin begins with its scheme, such as "https://app.example"' : `write "${meant}"`;
    return [`no browser sends "${text}" as an origin: ${fix}`];
  });
}

function reportNeverSent(cors: unknown, { option, report }: GuardPagesOptions): void {
  if (!isRecord(cors)) return;
  for (const reason of neverSent(cors.origin)) report({ type: 'option_ignored', option, reason });
}

/** The origin of an address as a browser writes it; undefined if the text is no address of a page. */
function originOf(text: string): string | undefined {
  if (!URL.canParse(text)) return undefined;
  const { protocol, host } = new URL(text);
  return host === '' ? undefined : `${protocol}//${host}`;
}

/** Whether the page has the same host as the request. The scheme is not compared: a proxy may have terminated TLS. */
function isOwn(origin: string, host: string | undefined): boolean {
  if (host === undefined || !URL.canParse(origin)) return false;
  const page = new URL(origin);
  // `ftp:` and `javascript:` have hosts too, and pages of an app (`capacitor:`) may have any.
  if (page.protocol !== 'https:' && page.protocol !== 'http:') return false;
  // One of them may name a default port, and the other not.
  const here = `${page.protocol}//${host}`;
  return URL.canParse(here) && new URL(here).host === page.host;
}
