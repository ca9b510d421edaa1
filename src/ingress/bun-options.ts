import type { ServerOptions } from 'socket.io';
import type { Reporter } from '../ports/reports.js';
import type { GuardOrigins, OriginGuard } from '../ports/runtime.js';
import type { EngineOptions } from '../socketio/bun-types.js';
import type { Cors } from './bun-cors.js';
import { corsOf } from './bun-cors.js';
import { enginePath } from './engine-path.js';
import { harmlessAllow } from './origins.js';
import type { IngressReport } from './reports.js';

/** Options of requests that are handled here, because the engine does not have them. */
export interface RequestOptions {
  readonly transports: readonly string[];
  readonly allowUpgrades: boolean;
  readonly cors: Cors | undefined;
  readonly origins: OriginGuard;
  readonly allowRequest: ServerOptions['allowRequest'];
  /** The engine's own `allowRequest`. */
  readonly allowOnBun: EngineOptions['allowRequest'];
  readonly cookie: (ServerOptions['cookie'] & object) | undefined;
}

/** The engine's own defaults. A value that differs was set by the program. */
const ENGINE_DEFAULTS = {
  path: '/engine.io/',
  pingTimeout: 20_000,
  pingInterval: 25_000,
  upgradeTimeout: 10_000,
  maxHttpBufferSize: 1_000_000,
} as const;
const NUMBERS = ['pingTimeout', 'pingInterval', 'upgradeTimeout', 'maxHttpBufferSize'] as const;

/** The longest `idleTimeout` of HTTP in Bun, in seconds. */
export const LONGEST_IDLE_S = 255;

/** How long a peer may be silent before its connection ends, in seconds. */
export function silenceOf({ pingInterval, pingTimeout }: EngineOptions): number {
  return Math.ceil((pingInterval + pingTimeout) / 1_000);
}

/** Options of Socket.IO that Bun or its engine does not support, each with the reason. Reported if the value is not false. */
const NOT_ON_BUN: Readonly<Partial<Record<keyof ServerOptions, string>>> = {
  allowEIO3: 'the engine for Bun supports protocol 4 only',
  wsEngine: "Bun's own WebSockets are used",
  perMessageDeflate: 'the engine for Bun does not compress',
  httpCompression: 'the engine for Bun does not compress',
  serveClient: 'the engine for Bun serves no files',
  destroyUpgrade: 'your own fetch handler handles upgrades of other paths',
  destroyUpgradeTimeout: 'your own fetch handler handles upgrades of other paths',
};

/**
 * Applies `serverOptions` to an engine. If both have a value, that of `serverOptions` counts. Each option without effect is
 * reported once, by its name. The engine reads its options at each request, so they are set in place.
 */
export function applyOptions(
  engine: EngineOptions,
  given: Partial<ServerOptions>,
  guardOrigins: GuardOrigins,
  report: Reporter<IngressReport>,
): RequestOptions {
  const overruled = (option: string, why: string): void => report({ type: 'option_ignored', option, reason: why });
  for (const [name, why] of Object.entries(NOT_ON_BUN)) {
    if (Reflect.get(given, name)) overruled(`serverOptions.${name}`, why);
  }
  for (const name of NUMBERS) {
    const value = given[name];
    if (value === undefined) continue;
    if (isOwn(engine, name) && engine[name] !== value) overruled(`engine.${name}`, `serverOptions.${name} is given`);
    engine[name] = value;
  }
  engine.path = pathOf(engine, given, overruled);

  const { cors, allowRequest: allowOnBun } = engine;
  if (given.cors !== undefined && cors !== undefined) overruled('engine.cors', 'serverOptions.cors is given');
  const origins = guardOrigins(given.cors ?? cors);
  // The engine would add its own headers to those that are added here by the same options, and would call `allowRequest` too late.
  delete engine.cors;
  delete engine.allowRequest;

  const transports: readonly string[] = given.transports ?? ['polling', 'websocket'];
  if (transports.includes('webtransport')) overruled('serverOptions.transports: webtransport', 'Bun has none');
  return {
    transports: transports.filter((transport) => transport !== 'webtransport'),
    allowUpgrades: given.allowUpgrades ?? true,
    cors: origins.cors === undefined ? undefined : corsOf(origins.cors),
    origins,
    allowRequest: harmlessAllow(given.allowRequest, report),
    allowOnBun,
    cookie: cookieOf(given.cookie),
  };
}

function isOwn(engine: EngineOptions, name: keyof typeof ENGINE_DEFAULTS): boolean {
  return engine[name] !== ENGINE_DEFAULTS[name];
}

/** The path that an engine will have once `applyOptions` has set it. */
export function bunPath(engine: object, given: Partial<ServerOptions>): string {
  const { opts } = engine as { readonly opts?: Partial<EngineOptions> };
  return pathOf({ ...ENGINE_DEFAULTS, ...opts }, given, () => {});
}

/** The path in Engine.IO's form on Node.js. The default is that of Socket.IO, because clients use it. */
function pathOf(
  engine: EngineOptions,
  { path, addTrailingSlash }: Partial<ServerOptions>,
  overruled: (option: string, why: string) => void,
): string {
  const own = isOwn(engine, 'path') ? enginePath(engine.path, addTrailingSlash) : undefined;
  const wanted = enginePath(path, addTrailingSlash);
  if (!path) return own ?? wanted;
  if (own !== undefined && own !== wanted) overruled('engine.path', 'serverOptions.path is given');
  return wanted;
}

/** With Engine.IO's defaults. */
function cookieOf(cookie: ServerOptions['cookie'] | undefined): RequestOptions['cookie'] {
  if (!cookie) return undefined;
  const own = typeof cookie === 'object' ? cookie : {};
  return { name: 'io', path: '/', httpOnly: true, sameSite: 'lax', ...own };
}
