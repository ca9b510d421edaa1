// npm test: node
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { build, type Rollup } from 'vite';
import { beforeAll, describe, expect, it } from 'vitest';
import { type ConsumerProject, createConsumer, installedFixture } from './consumer.js';

/*
 * The file that each bundler takes for `roomgate/client`: for a page the ES modules, even where the page requires it, so that it is
 * one copy; and the CommonJS one for a server, so that it is the copy that `roomgate` has.
 */

/** The parts of these packages that this file uses. */
interface Esbuild {
  build(options: object): Promise<{ metafile: { inputs: Readonly<Record<string, unknown>> } }>;
}
interface RollupPackage {
  rollup(options: object): Promise<{ readonly watchFiles: readonly string[]; close(): Promise<void> }>;
}
interface Stats {
  hasErrors(): boolean;
  toString(): string;
  toJson(options: object): { modules?: readonly { nameForCondition?: string | null }[] };
}
type Webpack = (options: object, done: (error: Error | null, stats: Stats | undefined) => void) => void;
type Plugin = (options?: object) => object;

type Target = 'page' | 'server';
/** Resolves to the files of the bundle. */
type Bundler = (file: string, target: Target) => Promise<readonly string[]>;

let project: ConsumerProject;
let load: (name: string) => unknown;
beforeAll(async () => {
  const [consumer, modules] = await Promise.all([createConsumer(), installedFixture('bundlers')]);
  project = consumer;
  load = createRequire(join(modules, 'from.js'));
  await project.write(
    'import.js',
    `import { SocketIOClientHelper } from 'roomgate/client'; console.log(SocketIOClientHelper);`,
  );
  await project.write('require.cjs', `module.exports = require('roomgate/client').SocketIOClientHelper;`);
  await project.write(
    'both.js',
    `import { RoomgateError } from 'roomgate'; import * as c from 'roomgate/client'; export default [RoomgateError, c];`,
  );
  await project.write(
    'small.js',
    `import { SocketIOConstants } from 'roomgate/client'; console.log(SocketIOConstants);`,
  );
}, 180_000);

const BUNDLERS: Readonly<Record<string, Bundler>> = {
  vite: async (file, target) => {
    const result = await build({
      ...{ root: project.folder, configFile: false, logLevel: 'silent' },
      ...{
        ssr: { noExternal: true },
        build: { write: false, ssr: target === 'server', rollupOptions: { input: file } },
      },
    });
    const outputs = (Array.isArray(result) ? result : [result]) as Rollup.RollupOutput[];
    return outputs.flatMap(({ output }) => output).flatMap((it) => (it.type === 'chunk' ? it.moduleIds : []));
  },
  esbuild: async (file, target) => {
    const esbuild = load('esbuild') as Esbuild;
    const platform = target === 'page' ? 'browser' : 'node';
    const options = { bundle: true, write: false, metafile: true, format: 'esm', logLevel: 'silent' };
    const { metafile } = await esbuild.build({
      ...{
        ...options,
        entryPoints: [file],
        platform,
        absWorkingDir: project.folder,
        external: ['@socket.io/*', 'ioredis'],
      },
    });
    return Object.keys(metafile.inputs);
  },
  rollup: async (file, target) => {
    const { rollup } = load('rollup') as RollupPackage;
    const resolve = (load('@rollup/plugin-node-resolve') as { default: Plugin }).default;
    const commonjs = (load('@rollup/plugin-commonjs') as { default: Plugin }).default;
    const browser = target === 'page';
    const exportConditions = browser ? ['browser'] : ['node'];
    const plugins = [JSON_FILES, resolve({ browser, exportConditions, preferBuiltins: !browser }), commonjs()];
    const bundle = await rollup({ input: file, plugins, onwarn: () => undefined });
    await bundle.close();
    return bundle.watchFiles;
  },
  webpack: async (file, target) => {
    const webpack = load('webpack') as Webpack;
    const options = {
      mode: 'development',
      entry: file,
      target: target === 'page' ? 'web' : 'node',
      context: project.folder,
    };
    const output = { path: join(project.folder, 'webpack-out') };
    const stats = await new Promise<Stats>((resolve, reject) => {
      webpack({ ...options, output }, (error, result) => (result === undefined ? reject(error) : resolve(result)));
    });
    if (target === 'page' && stats.hasErrors()) throw new Error(stats.toString());
    const { modules = [] } = stats.toJson({
      all: false,
      modules: true,
      nestedModules: true,
      modulesSpace: 10_000,
      ids: true,
    });
    return modules.map(({ nameForCondition }) => nameForCondition ?? '');
  },
};

/** For the package.json that socket.io reads. */
const JSON_FILES = {
  name: 'json',
  transform: (code: string, id: string) => (id.endsWith('.json') ? `export default ${code}` : undefined),
};

/** The parts of `dist` that are in a bundle. */
function partsOf(files: readonly string[]): readonly string[] {
  const parts = files
    .map((file) => /roomgate[\\/]dist[\\/](cjs|esm)[\\/]/.exec(file)?.[1])
    .filter((part) => part !== undefined);
  return [...new Set(parts)].toSorted();
}

describe.each(Object.entries(BUNDLERS))('%s', (_, bundle) => {
  it.each(['import.js', 'require.cjs'])('bundles a page with the ES modules: %s', async (name) => {
    const files = await bundle(join(project.folder, name), 'page');
    expect(partsOf(files)).toEqual(['esm']);
    expect(files.filter((file) => /dist.(?:cjs|esm).(?:server|backplane)./.test(file))).toEqual([]);
  });

  it('bundles one copy of both entries for a server', async () => {
    expect(partsOf(await bundle(join(project.folder, 'both.js'), 'server'))).toEqual(['cjs']);
  });
});

describe('a page that uses one constant', () => {
  it('gets no client', async () => {
    const esbuild = load('esbuild') as {
      build(options: object): Promise<{ outputFiles: readonly { text: string }[] }>;
    };
    const options = { bundle: true, write: false, format: 'esm', platform: 'browser', minify: true };
    const { outputFiles } = await esbuild.build({ ...options, entryPoints: [join(project.folder, 'small.js')] });
    expect(outputFiles[0]?.text).toContain('io-notification');
    expect(outputFiles[0]?.text.length).toBeLessThan(1_000);
  });
});
