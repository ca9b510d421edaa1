import { hasMethods, isObject, wrongOption } from './checks.js';
import { describe, fixFor } from './describe.js';

/** For error messages. */
const CLIENT = 'a client of ioredis 5 or 6 (Redis or Cluster)';
const CONNECTION = `a Redis helper (with getClient()) or ${CLIENT}`;

/** Every client of Redis of any package has at least one of these methods. */
const OF_ANY_CLIENT = ['publish', 'pSubscribe', 'psubscribe', 'sendCommand', 'send'];

/**
 * Checks the option `redisConnection`. If it is a helper that has its client already, checks that client too.
 * @throws RoomgateError `invalid_option`, which names the clients that are supported and the one that was given.
 */
export function checkRedisConnection(of: string, value: unknown): void {
  const isHelper = hasMethods(value, ['getClient']);
  const client = isHelper ? clientOf(value) : value;
  if (isHelper && (client === undefined || client === null)) return;
  if (isClient(client)) return;
  const given = `${isHelper ? 'a helper with ' : ''}${describeClient(client)}`;
  throw wrongOption(of, 'redisConnection', CONNECTION, client, given, fixOf(client));
}

/** @throws RoomgateError `invalid_option` if it is not a supported client of Redis. */
export function checkRedisClient(of: string, option: string, client: unknown): void {
  if (!isClient(client)) throw wrongOption(of, option, CLIENT, client, describeClient(client));
}

function fixOf(client: unknown): string {
  const isSettings = typeof client === 'string' || (isObject(client) && ('host' in client || 'url' in client));
  if (isSettings) return 'Write new RedisHelper({ name, host, port }).';
  return client === null ? 'Leave it out, or pass undefined, for an instance without Redis.' : fixFor(client);
}

/** A wrapper passes with `duplicate()` alone. */
function isClient(client: unknown): boolean {
  return hasMethods(client, ['duplicate']) && (hasMethods(client, ['call']) || !isOfAnyPackage(client));
}

function isOfAnyPackage(client: unknown): boolean {
  return OF_ANY_CLIENT.some((method) => hasMethods(client, [method]));
}

/** Names the package or the kind, and never shows a value: it may be a secret. */
function describeClient(client: unknown): string {
  // Clients and clusters of versions 4 and 5, pools of version 5, and clients of version 3.
  if ([['pSubscribe'], ['sendCommand', 'PING'], ['internal_send_command']].some((names) => hasMethods(client, names))) {
    return 'a client of node-redis (the package "redis")';
  }
  if (!isObject(client) || fixFor(client) !== '') return describe(client);
  const name: unknown = client.constructor?.name;
  const isNamed = typeof name === 'string' && name !== '' && !['Object', 'Function', 'Array'].includes(name);
  if (isOfAnyPackage(client)) return `another client of Redis${isNamed ? ` (${name})` : ''}`;
  return isNamed ? `an object of the class ${name}` : describe(client);
}

/** An error of getClient() is left to `configure()`, which needs the client. */
function clientOf(helper: { getClient(): unknown }): unknown {
  try {
    return helper.getClient();
  } catch {
    return undefined;
  }
}
