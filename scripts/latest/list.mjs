/**
 * Packages whose internals are used, so that any of their releases can break something here. package.json allows one
 * minor version of each (ws: two): test/package/versions.test.ts checks that.
 */
export const PINNED = [
  'socket.io',
  'socket.io-adapter',
  'socket.io-parser',
  'engine.io',
  'ws',
  'socket.io-client',
  '@socket.io/bun-engine',
  '@socket.io/redis-adapter',
];

/**
 * Packages whose public members are used closely: the format of their messages, and the streams of their clients. Two
 * undocumented members of ioredis are used: `startupNodes` only adds the nodes of a cluster to the text of an error,
 * and without `stream` a few messages of a closing connection are counted as uncertain. ARCHITECTURE.md has the
 * details.
 */
export const CLOSE = ['@socket.io/redis-emitter', 'ioredis', 'notepack.io'];

/** Dependencies of the packages above, in the newest version that these allow. */
export const BROUGHT = ['engine.io-client', 'engine.io-parser'];

/**
 * The tests that fail if a release changed internals: the probes, the fallbacks, and delivery through the replaced
 * parts. Each entry is the start of the path of one or more test files. They run in the places of `npm test`: Node.js
 * and Bun.
 */
export const TESTS = [
  'test/unit/adapter',
  'test/unit/private-members',
  'test/unit/client-back-off',
  'test/unit/client-private-members',
  'test/unit/fetch-answers',
  'test/unit/frame-queue',
  'test/unit/redis-client',
  'test/unit/ingress-filters',
  'test/integration/gate-probe',
  'test/integration/fanout',
  'test/integration/foreign-ids',
  'test/integration/installed-packages',
  'test/integration/compact-request',
  'test/integration/web-socket-drift',
  'test/integration/paced-posts',
  'test/integration/client-survival',
  'test/integration/redis-emitter',
  'test/integration/redis-interop',
  'test/bun/',
  'test/abuse/gate-',
  'test/abuse/http',
  'test/abuse/payloads',
  'test/abuse/strangers',
  'test/abuse/stuck-peers',
  'test/behaviour/handshake',
  'test/behaviour/idle',
  'test/behaviour/send',
  'test/behaviour/slow-',
  'test/behaviour/upgrades',
];

/** The programs that these tests start. */
export const PROGRAMS = ['redis-server', 'openssl'];
