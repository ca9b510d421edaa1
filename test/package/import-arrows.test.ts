// npm test: node
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { arrowsOf, type IArrow, projectFolder, sources } from './imports.js';

interface IRule {
  /** Folders, or files, under `src` whose values may be imported; the own folder is always among them. */
  readonly values: readonly string[];
  /** The same, as types only. */
  readonly types?: readonly string[];
  /** Packages whose values may be imported. */
  readonly packages: readonly string[];
  /** Whether any declared package and any of Node.js's modules may be imported as a type. */
  readonly typesAreFree?: boolean;
}

const NODE = 'node:';

/** The whole architecture: which arrows may start in a folder. A file's own line stands before its folder's. */
const RULES: Readonly<Record<string, IRule>> = {
  'index.ts': {
    values: ['protocol', 'client', 'server', 'runtime', 'backplane', 'fanout', 'observability'],
    packages: [],
    typesAreFree: true,
  },
  protocol: { values: [], packages: [] },
  client: { values: ['protocol'], packages: ['socket.io-client'] },
  'server/server-helper.ts': {
    values: ['protocol', 'server', 'runtime', 'backplane', 'fanout', 'observability', 'socketio'],
    packages: ['socket.io', NODE],
    typesAreFree: true,
  },
  // The helper in the life of an application: it finds out where it runs, and reports before there is a helper.
  'server/component.ts': {
    values: ['protocol', 'server', 'runtime', 'observability'],
    packages: [],
    typesAreFree: true,
  },
  server: {
    values: ['protocol', 'ingress', 'socketio'],
    packages: ['socket.io', 'socket.io-adapter', 'socket.io-parser', 'engine.io', NODE],
    typesAreFree: true,
  },
  // The way in: every request and upgrade until it is handed over or ended, and the limits of peers that are not authenticated.
  ingress: {
    values: ['protocol', 'socketio', 'runtime/bun'],
    types: ['server/ports.ts'],
    packages: ['cookie', 'cors', 'socket.io-parser', NODE],
    typesAreFree: true,
  },
  // What is private to other packages, each in one file.
  socketio: { values: ['protocol'], packages: ['socket.io-adapter', 'ws', NODE], typesAreFree: true },
  runtime: {
    values: ['protocol', 'ingress'],
    types: ['server/ports.ts'],
    packages: ['socket.io', '@socket.io/bun-engine', NODE],
    typesAreFree: true,
  },
  // The root of a process that holds no sockets: it puts its own few parts together, and imports no server code.
  'backplane/emitter.ts': {
    values: ['protocol', 'observability'],
    types: ['server/ports.ts'],
    packages: ['@socket.io/redis-emitter'],
    typesAreFree: true,
  },
  backplane: {
    values: ['protocol'],
    types: ['server/ports.ts'],
    packages: [
      'ioredis',
      '@socket.io/redis-adapter',
      '@socket.io/redis-emitter',
      'notepack.io',
      'socket.io-adapter',
      NODE,
    ],
    typesAreFree: true,
  },
  fanout: { values: ['protocol'], types: ['server/ports.ts'], packages: [NODE], typesAreFree: true },
  observability: { values: ['protocol'], types: ['server/ports.ts'], packages: [NODE], typesAreFree: true },
};

const { dependencies, peerDependencies } = JSON.parse(readFileSync(join(projectFolder, 'package.json'), 'utf8')) as {
  dependencies: object;
  peerDependencies: object;
};
const declared: readonly string[] = [...Object.keys(dependencies), ...Object.keys(peerDependencies)];

/** Why this arrow is wrong; undefined where it is right. */
function wrong(arrow: IArrow): string | undefined {
  const folder = arrow.from.split('/')[0] ?? '';
  const rule = RULES[arrow.from] ?? RULES[folder];
  if (rule === undefined) return `${arrow.from}: no rule says what may be imported here`;
  const allowed = arrow.to.endsWith('.ts') ? isInside(arrow, folder, rule) : isPackage(arrow, rule);
  return allowed ? undefined : `${arrow.from} → ${arrow.to}${arrow.typeOnly ? ' (as a type)' : ''}`;
}

function isInside(arrow: IArrow, folder: string, rule: IRule): boolean {
  const targets = [folder, ...rule.values, ...(arrow.typeOnly ? (rule.types ?? []) : [])];
  return targets.some((target) => arrow.to === target || arrow.to.startsWith(`${target}/`));
}

function isPackage(arrow: IArrow, rule: IRule): boolean {
  const name = arrow.to.startsWith(NODE) ? NODE : packageOf(arrow.to);
  if (name !== NODE && !declared.includes(name)) return false;
  return rule.packages.includes(name) || (arrow.typeOnly && rule.typesAreFree === true);
}

function packageOf(specifier: string): string {
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
}

describe('import arrows', () => {
  const files = sources();

  test('each points where the architecture lets it', () => {
    const arrows = [...files].flatMap(([path, code]) => arrowsOf(path, code));
    // A walker that sees nothing finds nothing wrong.
    expect(arrows.length).toBeGreaterThan(files.size);
    expect(arrows.map(wrong).filter((reason) => reason !== undefined)).toEqual([]);
  });

  test.each([
    ['protocol/events.ts', `import { join } from 'node:path';`],
    ['protocol/events.ts', `import type { Socket } from 'socket.io-client';`],
    ['protocol/events.ts', `export * from '../client/index.js';`],
    ['client/connection.ts', `import type { Server } from 'socket.io';`],
    ['client/connection.ts', `type Http = import('node:http').Server;`],
    ['client/connection.ts', `const gate = await import('../server/gate.js');`],
    ['server/gate.ts', `import { nodeRuntime } from '../runtime/node.js';`],
    ['server/gate.ts', `import { Redis } from 'ioredis';`],
    ['server/gate.ts', `import express from 'express';`],
    ['server/gate.ts', `const Redis = require('ioredis');`],
    ['server/gate.ts', `import Redis = require('ioredis');`],
    [
      'server/gate.ts',
      `import { createRequire } from 'node:module'; const { Redis } = createRequire(import.meta.url)('ioredis');`,
    ],
    ['server/gate.ts', `const name = 'ioredis'; await import(name);`],
    ['backplane/publisher.ts', `import { Session } from '../server/session.js';`],
    ['backplane/publisher.ts', `import type { Session } from '../server/session.js';`],
    ['backplane/publisher.ts', `import { type TReport } from '../server/ports.js';`],
    ['backplane/publisher.ts', `import { Server } from 'socket.io';`],
    ['runtime/bun.ts', `import { createRedisBackplane } from '../backplane/redis-backplane.js';`],
    ['observability/logger.ts', `export { pino } from 'pino';`],
    ['utilities/strings.ts', `import { join } from 'node:path';`],
  ])('a wrong one in %s is seen: %s', (path, code) => {
    expect(arrowsOf(path, code).map(wrong)).toContainEqual(expect.any(String));
  });

  test.each([
    ['client/connection.ts', `import { io, type Socket } from 'socket.io-client';`],
    ['backplane/publisher.ts', `import type { TReport } from '../server/ports.js';`],
    ['server/server-helper.ts', `const { createRedisBackplane } = await import('../backplane/redis-backplane.js');`],
  ])('a right one in %s passes: %s', (path, code) => {
    expect(arrowsOf(path, code).map(wrong)).toEqual([undefined]);
  });
});
