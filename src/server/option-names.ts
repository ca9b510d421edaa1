import type { ServerOptions } from 'socket.io';
import { isRecord } from '../common/checks.js';
import { checkNames, UNKNOWN_OPTION } from '../common/known-options.js';
import { likelySeconds } from '../common/likely-seconds.js';
import type { OptionIgnored, OptionUnusual } from '../observability/shared-reports.js';
import { DEFAULT_LIMITS } from '../protocol/limits.js';
import type { ClassName } from './class-name.js';
import type { ISocketIOComponentOptions, ISocketIOServerBunOptions, ISocketIOServerNodeOptions } from './options.js';

// The compiler fails if an option is added to a type and not here.
const OF_BOTH: Readonly<Record<keyof (ISocketIOComponentOptions | ISocketIOServerNodeOptions), true>> = {
  ...{ server: true, identifier: true, serverOptions: true, redisConnection: true },
  ...{ authenticateFn: true, validateRoomFn: true, clientConnectedFn: true },
  ...{ guardTimeout: true, handlerTimeout: true, fenceAfter: true, trustedHops: true, authenticationKey: true },
  ...{ authenticateTimeout: true, pingInterval: true, defaultRooms: true, redisTimeout: true, shutdownTimeout: true },
  ...{ limits: true, fanout: true, replaceable: true, logger: true, logLevel: true, onReport: true, onFailure: true },
};
const OF_COMPONENT: Readonly<Record<keyof ISocketIOComponentOptions, true>> = {
  ...OF_BOTH,
  ...{ path: true, cors: true, signals: true },
};
const OF_HELPER: Readonly<Record<keyof ISocketIOServerNodeOptions | keyof ISocketIOServerBunOptions, true>> = {
  ...OF_BOTH,
  ...{ runtime: true, engine: true },
};
const NAMES: Readonly<Record<ClassName, readonly string[]>> = {
  SocketIOComponent: Object.keys(OF_COMPONENT),
  SocketIOServerHelper: Object.keys(OF_HELPER),
};

/** Options of Socket.IO that programs put next to `serverOptions` by mistake. */
const OF_SOCKET_IO: ReadonlySet<string> = new Set<keyof ServerOptions>([
  ...(['path', 'cors', 'adapter', 'transports', 'pingTimeout', 'maxHttpBufferSize', 'allowRequest'] as const),
  ...(['allowEIO3', 'allowUpgrades', 'upgradeTimeout', 'connectTimeout', 'connectionStateRecovery'] as const),
  ...(['cookie', 'parser', 'serveClient', 'perMessageDeflate', 'httpCompression', 'wsEngine'] as const),
  ...(['addTrailingSlash', 'cleanupEmptyChildNamespaces', 'destroyUpgrade', 'initialPacket'] as const),
]);

/** A report about an option that is probably a mistake. */
export type OptionRemark = OptionIgnored | OptionUnusual;

/**
 * The options that have no effect, because no option has their name, and times that were probably meant in seconds.
 * @throws RoomgateError `invalid_option` for a name that is probably a misspelled one.
 */
export function remarksOn(of: ClassName, given: object): readonly OptionRemark[] {
  return [...unknownOptions(of, given), ...shortTimes(given)];
}

function shortTimes(given: object): readonly OptionUnusual[] {
  const { serverOptions } = given as { readonly serverOptions?: unknown };
  const found = [
    ...likelySeconds(given),
    ...(isRecord(serverOptions) ? likelySeconds(serverOptions, 'serverOptions') : []),
  ];
  return found.map(([option, ms]) => ({ type: 'option_unusual', option, ms }));
}

function unknownOptions(of: ClassName, given: object): readonly OptionIgnored[] {
  const names = checkNames(of, given, NAMES[of]).map((option) => {
    const reason = OF_SOCKET_IO.has(option) ? 'options of Socket.IO belong in "serverOptions"' : UNKNOWN_OPTION;
    return { type: 'option_ignored', option, reason } as const;
  });
  const { limits } = given as { readonly limits?: unknown };
  return typeof limits === 'object' && limits !== null ? [...names, ...unknownLimits(of, limits)] : names;
}

function unknownLimits(of: ClassName, limits: object): readonly OptionIgnored[] {
  const names = checkNames(of, limits, Object.keys(DEFAULT_LIMITS), 'limits');
  return names.map((option) => ({ type: 'option_ignored', option, reason: UNKNOWN_OPTION }));
}
