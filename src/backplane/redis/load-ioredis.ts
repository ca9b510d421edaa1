import { createRequire } from 'node:module';

/**
 * Loads ioredis when a helper makes a client, and not before. A constructor can't wait for an import. The CommonJS build has its own
 * version of this file, because `import.meta` is a syntax error there: see scripts/build.mjs.
 */
export function loadIoredis(): typeof import('ioredis') {
  return createRequire(import.meta.url)('ioredis') as typeof import('ioredis');
}
