import { RoomgateError } from '../../protocol/errors.js';

/*
 * The packages for Redis are optional peers, so a project may not have them. They are loaded when Redis is asked for, and a missing
 * one is an error with its fix. `require`, because a constructor can't wait for an import.
 */

const INSTALL = 'npm install ioredis @socket.io/redis-adapter @socket.io/redis-emitter';
/** The codes of Node.js, Jest and Bun for a package that can't be found. */
const NOT_FOUND: ReadonlySet<unknown> = new Set(['MODULE_NOT_FOUND', 'ERR_MODULE_NOT_FOUND']);

/** Loads ioredis when a helper makes a client, and not before. @throws RoomgateError `unsupported` if it is not installed. */
export function loadIoredis(of: string): typeof import('ioredis') {
  return loaded(of, 'ioredis', () => require('ioredis') as typeof import('ioredis'));
}

/** @throws RoomgateError `unsupported` if the packages that connect instances are not installed. */
export function checkAdapterPackages(of: string): void {
  loaded(of, '@socket.io/redis-adapter', () => require('@socket.io/redis-adapter'));
  checkEmitterPackage(of);
}

/** @throws RoomgateError `unsupported` if the package that sends to all instances is not installed. */
export function checkEmitterPackage(of: string): void {
  loaded(of, '@socket.io/redis-emitter', () => require('@socket.io/redis-emitter'));
}

function loaded<T>(of: string, name: string, load: () => T): T {
  try {
    return load();
  } catch (cause) {
    if (!isNotFound(cause, name)) throw cause;
    throw new RoomgateError('unsupported', `${of}: the package ${name} is not installed. Run: ${INSTALL}`, { cause });
  }
}

/** Whether it is the package itself that is missing, and not a package that it needs. */
function isNotFound(error: unknown, name: string): boolean {
  if (typeof error !== 'object' || error === null) return false;
  const { code, message } = error as { readonly code?: unknown; readonly message?: unknown };
  return NOT_FOUND.has(code) && String(message).split('\n', 1)[0]?.includes(`'${name}'`) === true;
}
