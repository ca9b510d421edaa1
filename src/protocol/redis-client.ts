import { hasMethods, isObject, wrongOption } from './checks.js';
import { describe } from './describe.js';

/** In errors. */
const CLIENT = 'a client of ioredis 5 or 6 (Redis or Cluster)';
const CONNECTION = `a Redis helper (with getClient()) or ${CLIENT}`;

/** Methods of which a client of Redis has at least one, whatever package it is of. */
const OF_ANY_CLIENT = ['publish', 'pSubscribe', 'psubscribe', 'sendCommand', 'send'];

/**
 * Checks what a program gives as `redisConnection`. What a helper hands out is checked too, where it has a client already.
 * @throws RoomgateError `invalid_option`, which names the clients that are supported and the one that was given.
 */
export function checkRedisConnection(of: string, value: unknown): void {
  const isHelper = hasMethods(value, ['getClient']);
  const client = isHelper ? clientOf(value as { getClient(): unknown }) : value;
  if (isHelper && (client === undefined || client === null)) return;
  if (isClient(client)) return;
  const given = `${isHelper ? 'a helper with ' : ''}${describeClient(client)}`;
  throw wrongOption(of, 'redisConnection', CONNECTION, client, given);
}

/** @throws RoomgateError `invalid_option` where it is no client of Redis that is supported. */
export function checkRedisClient(of: string, option: string, client: unknown): void {
  if (!isClient(client)) throw wrongOption(of, option, CLIENT, client, describeClient(client));
}

/** A wrapper of a client passes with the one method that is used. */
function isClient(client: unknown): boolean {
  return hasMethods(client, ['duplicate']) && (hasMethods(client, ['call']) || !isOfAnyPackage(client));
}

function isOfAnyPackage(client: unknown): boolean {
  return OF_ANY_CLIENT.some((method) => hasMethods(client, [method]));
}

/** Names the package, and never a value. */
function describeClient(client: unknown): string {
  // Clients and clusters of versions 4 and 5, their pools, and clients of version 3.
  if ([['pSubscribe'], ['sendCommand', 'PING'], ['internal_send_command']].some((names) => hasMethods(client, names))) {
    return 'a client of node-redis (the package "redis")';
  }
  if (!isObject(client)) return describe(client);
  const name: unknown = client.constructor?.name;
  const isNamed = typeof name === 'string' && name !== '' && !['Object', 'Function', 'Array'].includes(name);
  if (isOfAnyPackage(client)) return `another client of Redis${isNamed ? ` (${name})` : ''}`;
  return isNamed ? `an object of the class ${name}` : describe(client);
}

/** What it throws is said by `configure()`, which needs the client. */
function clientOf(helper: { getClient(): unknown }): unknown {
  try {
    return helper.getClient();
  } catch {
    return undefined;
  }
}
