// npm test: node
import { existsSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { type ConsumerProject, createConsumer } from './consumer.js';

/** The part of Metro that this file uses. Its own types name a package that it does not install. */
interface Metro {
  resolve(context: object, name: string, platform: string): { type: string; filePath?: string };
}
const require = createRequire(import.meta.url);
const metro = require('metro-resolver') as Metro;
const { redirectModulePath } = require('metro-resolver/src/PackageResolve') as {
  redirectModulePath(context: object, path: string): string | false;
};

let consumer: ConsumerProject;
beforeAll(async () => {
  consumer = await createConsumer();
}, 120_000);

type Manifest = Readonly<Record<string, unknown>>;

function manifestOf(path: string): Manifest | null {
  return existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as Manifest) : null;
}

function packageOf(path: string): object | null {
  for (let folder = dirname(path); folder !== dirname(folder); folder = dirname(folder)) {
    const packageJson = manifestOf(join(folder, 'package.json'));
    if (packageJson !== null) return { packageJson, rootPath: folder, packageRelativePath: relative(folder, path) };
  }
  return null;
}

function lookUp(path: string): object {
  if (!existsSync(path)) return { exists: false };
  return { exists: true, type: statSync(path).isDirectory() ? 'd' : 'f', realPath: realpathSync(path) };
}

/**
 * The file that Metro takes for a name. React Native of up to 0.78 goes by `main` and its like, without `exports`; newer ones by the
 * conditions that are given.
 */
function resolved(name: string, origin: string, conditions?: readonly string[]): string | undefined {
  const context = {
    ...{ allowHaste: false, assetExts: new Set(), customResolverOptions: {}, disableHierarchicalLookup: false },
    ...{ doesFileExist: existsSync, fileSystemLookup: lookUp, getPackage: manifestOf, getPackageForModule: packageOf },
    ...{ mainFields: ['react-native', 'browser', 'main'], sourceExts: ['js', 'jsx', 'json', 'ts', 'tsx'] },
    ...{ nodeModulesPaths: [], originModulePath: origin, preferNativePlatform: true },
    ...{ resolveAsset: () => undefined, resolveHasteModule: () => undefined, resolveHastePackage: () => undefined },
    ...{ unstable_conditionNames: conditions ?? ['require'], unstable_conditionsByPlatform: {} },
    ...{ unstable_enablePackageExports: conditions !== undefined, unstable_logWarning: () => undefined },
    redirectModulePath: (path: string) => redirectModulePath(context, path),
  };
  const { type, filePath } = metro.resolve(context, name, 'ios');
  return type === 'empty' ? undefined : filePath;
}

/** All files that a name brings into a bundle. Throws if one can't be resolved. */
function bundleOf(name: string): ReadonlySet<string> {
  const files = new Set<string>();
  const waiting: [name: string, origin: string][] = [[name, join(consumer.folder, 'App.js')]];
  for (const [each, origin] of waiting) {
    const file = resolved(each, origin);
    if (file === undefined || files.has(file)) continue;
    files.add(file);
    const required = readFileSync(file, 'utf8').matchAll(/(?:\brequire\(|\bfrom |^import )["']([^"']+)["']/gm);
    for (const [, next = ''] of required) waiting.push([next, file]);
  }
  return files;
}

describe('Metro without package exports, as in React Native up to 0.78', () => {
  it('resolves roomgate/client with all that it needs', () => {
    const files = [...bundleOf('roomgate/client')].map((file) => relative(realpathSync(consumer.folder), file));
    expect(files[0]).toBe('node_modules/roomgate/dist/esm/client/index.js');
    expect(files).toContain('node_modules/socket.io-client/build/cjs/index.js');
    expect(files.filter((file) => /\/(?:server|backplane|runtime|ioredis|socket\.io)\//.test(file))).toEqual([]);
  });

  it('resolves every entry of the package', () => {
    const manifest = manifestOf(join(consumer.folder, 'node_modules', 'roomgate', 'package.json'));
    const entries = Object.keys((manifest?.exports ?? {}) as Manifest);
    expect(entries).toContain('.');
    for (const entry of entries) {
      const file = resolved(entry.replace('.', 'roomgate'), join(consumer.folder, 'App.js'));
      expect(file, entry).toMatch(
        /node_modules\/roomgate\/(?:dist\/cjs\/index\.js|dist\/esm\/client\/index\.js|package\.json)$/,
      );
    }
  });
});

describe('Metro with package exports', () => {
  it('resolves import and require of roomgate/client', () => {
    const fileOf = (condition: string): string | undefined =>
      resolved('roomgate/client', join(consumer.folder, 'App.js'), [condition, 'react-native', 'default']);
    expect(fileOf('import')).toMatch(/roomgate\/dist\/esm\/client\/index\.js$/);
    expect(fileOf('require')).toMatch(/roomgate\/dist\/cjs\/client\/index\.js$/);
  });
});
