// npm test: node
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type Arrow, arrowsOf, projectFolder, sources } from './imports.js';

/**
 * The layers of ARCHITECTURE.md, the lowest one first. A file imports from its own folder and from folders of lower layers, type
 * imports included; folders of one layer don't import each other.
 */
const LAYERS: readonly (readonly string[])[] = [
  ['protocol'],
  ['common'],
  ['ports', 'client'],
  ['socketio', 'session', 'observability'],
  ['ingress'],
  ['rooms', 'handlers', 'fanout', 'runtime', 'backplane', 'limits'],
  ['gate'],
  ['server'],
  ['index.ts'],
];

/** Folders that import less than their layer may: the client also runs in browsers, and imports nothing of a server. */
const ONLY: Readonly<Record<string, readonly string[]>> = {
  client: ['protocol', 'common'],
};

/** The folders in which values of a package may be imported; types may be imported wherever types of packages may. */
const PACKAGES: Readonly<Record<string, readonly string[]>> = {
  'socket.io': ['socketio'],
  'socket.io-adapter': ['socketio'],
  'socket.io-parser': ['socketio'],
  'engine.io': ['socketio'],
  ws: ['socketio'],
  '@socket.io/bun-engine': ['socketio'],
  'socket.io-client': ['client'],
  'engine.io-client': ['client'],
  ioredis: ['backplane'],
  '@socket.io/redis-adapter': ['backplane'],
  '@socket.io/redis-emitter': ['backplane'],
  'notepack.io': ['backplane'],
  'rate-limiter-flexible': ['backplane'],
  cookie: ['ingress'],
  cors: ['ingress'],
  'ipaddr.js': ['ingress'],
};

/** Folders that import nothing but their own layers: they run everywhere. The client may import its one package. */
const NO_PACKAGES = ['protocol', 'common', 'client'];
const NODE = 'node:';

const { dependencies, peerDependencies } = JSON.parse(readFileSync(join(projectFolder, 'package.json'), 'utf8')) as {
  dependencies: object;
  peerDependencies: object;
};
const declared: readonly string[] = [...Object.keys(dependencies), ...Object.keys(peerDependencies)];

/** The reason why this import is wrong; undefined if it is right. */
function wrong(arrow: Arrow): string | undefined {
  const from = folderOf(arrow.from);
  if (layerOf(from) === -1) return `${arrow.from}: its folder is in no layer`;
  const allowed = arrow.to.endsWith('.ts') ? pointsDown(from, folderOf(arrow.to)) : isPackageOf(from, arrow);
  return allowed ? undefined : `${arrow.from} → ${arrow.to}${arrow.typeOnly ? ' (as a type)' : ''}`;
}

function folderOf(path: string): string {
  return path.split('/')[0] ?? '';
}

function layerOf(folder: string): number {
  return LAYERS.findIndex((folders) => folders.includes(folder));
}

function pointsDown(from: string, to: string): boolean {
  if (from === to) return true;
  if (ONLY[from] !== undefined) return ONLY[from].includes(to);
  const isEntry = from === 'index.ts';
  return layerOf(to) !== -1 && layerOf(to) < layerOf(from) && (to !== 'client' || isEntry);
}

function isPackageOf(from: string, { to, typeOnly }: Arrow): boolean {
  const name = packageOf(to);
  if (NO_PACKAGES.includes(from)) return PACKAGES[name]?.includes(from) === true;
  if (to.startsWith(NODE)) return from !== 'ports' || typeOnly;
  return declared.includes(name) && (typeOnly || PACKAGES[name]?.includes(from) === true);
}

function packageOf(specifier: string): string {
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
}

describe('layers', () => {
  const files = sources();

  test('every import points down a layer', () => {
    const arrows = [...files].flatMap(([path, code]) => arrowsOf(path, code));
    // A walk that finds no imports would report no error.
    expect(arrows.length).toBeGreaterThan(files.size);
    expect(arrows.map(wrong).filter((reason) => reason !== undefined)).toEqual([]);
  });

  test('ports/ contains types only', () => {
    const values = [...files].filter(
      ([path, code]) => path.startsWith('ports/') && /^export (?!type|interface)/m.test(code),
    );
    expect(values.map(([path]) => path)).toEqual([]);
  });

  test.each([
    ['protocol/events.ts', `import { join } from 'node:path';`],
    ['protocol/events.ts', `import type { Socket } from 'socket.io-client';`],
    ['protocol/events.ts', `export * from '../client/index.js';`],
    ['protocol/messages.ts', `import { describe } from '../common/describe.js';`],
    ['common/target.ts', `import type { Report } from '../ports/reports.js';`],
    ['ports/fanout.ts', `import { Server } from 'socket.io';`],
    ['ports/fanout.ts', `import { join } from 'node:path';`],
    ['ports/fanout.ts', `import type { FanoutOptions } from '../fanout/options.js';`],
    ['client/connection.ts', `import type { Server } from 'socket.io';`],
    ['client/connection.ts', `type Http = import('node:http').Server;`],
    ['client/connection.ts', `const gate = await import('../gate/gate.js');`],
    ['client/connection.ts', `import type { Wire } from '../ports/wire.js';`],
    ['session/session.ts', `import type { Gate } from '../gate/gate.js';`],
    ['socketio/node-sender.ts', `import type { Backlogs } from '../fanout/backlog.js';`],
    ['socketio/node-sender.ts', `import { Session } from '../session/session.js';`],
    ['fanout/broadcasts.ts', `import { Rooms } from '../rooms/rooms.js';`],
    ['fanout/broadcasts.ts', `import { PacketType } from 'socket.io-parser';`],
    ['gate/gate.ts', `import { SocketIOServerHelper } from '../server/server-helper.js';`],
    ['gate/gate.ts', `import { join } from '../client/rooms.js';`],
    ['gate/gate.ts', `import { Redis } from 'ioredis';`],
    ['gate/gate.ts', `import express from 'express';`],
    ['gate/gate.ts', `const Redis = require('ioredis');`],
    ['gate/gate.ts', `import Redis = require('ioredis');`],
    [
      'gate/gate.ts',
      `import { createRequire } from 'node:module'; const { Redis } = createRequire(import.meta.url)('ioredis');`,
    ],
    ['gate/gate.ts', `const name = 'ioredis'; await import(name);`],
    ['backplane/redis/publisher.ts', `import type { Gate } from '../../gate/gate.js';`],
    ['backplane/redis/publisher.ts', `import { Server } from 'socket.io';`],
    ['runtime/bun/bun-runtime.ts', `import { RedisBackplane } from '../../backplane/redis/redis-backplane.js';`],
    ['observability/logger.ts', `export { pino } from 'pino';`],
    ['utilities/strings.ts', `import { join } from 'node:path';`],
  ])('a wrong import in %s is found: %s', (path, code) => {
    expect(arrowsOf(path, code).map(wrong)).toContainEqual(expect.any(String));
  });

  test.each([
    ['client/connection.ts', `import { io, type Socket } from 'socket.io-client';`],
    ['client/connection.ts', `import { describe } from '../common/describe.js';`],
    ['ports/options.ts', `import type { Server } from 'node:http';`],
    ['backplane/redis/publisher.ts', `import type { Report } from '../../ports/reports.js';`],
    ['server/compose.ts', `const { createRedisBackplane } = await import('../backplane/redis/redis-backplane.js');`],
  ])('a right import in %s is accepted: %s', (path, code) => {
    expect(arrowsOf(path, code).map(wrong)).toEqual([undefined]);
  });
});
