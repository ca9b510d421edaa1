// npm test: node
import { rm, symlink, writeFile } from 'node:fs/promises';
import { isBuiltin } from 'node:module';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { build, type Rollup } from 'vite';
import { beforeAll, describe, expect, test } from 'vitest';
import { defer } from '../support/cleanup.js';
import { packedModules } from '../support/document.js';
import { temporaryFolder } from '../support/folder.js';

/**
 * The size that `roomgate/client` may add to a page that has socket.io-client already, minified and compressed. Raise it only on purpose:
 * every visitor of every page pays for it. Of these, about 3 500 are for identities: renewal before the end, credentials that were
 * refused, wake(), signOut(), and a queue that never goes out as another user. About 1 700 are for errors of answers, the lists of codes,
 * and defineContract() with its checks, which a page that has no contract leaves out.
 */
const OWN_LIMIT_BYTES = 23_600;

interface Bundle {
  readonly code: string;
  readonly modules: readonly string[];
  readonly imports: readonly string[];
}

let folder = '';
/** With all that it needs. */
let whole: Bundle;

beforeAll(async () => {
  folder = await temporaryFolder('page');
  defer(() => rm(folder, { recursive: true, force: true }));
  await symlink(await packedModules(), join(folder, 'node_modules'));
  await writeFile(join(folder, 'page.js'), `export * from 'roomgate/client';`);
  whole = await bundle();
});

async function bundle(external: string[] = []): Promise<Bundle> {
  const result = await build({
    root: folder,
    configFile: false,
    logLevel: 'silent',
    build: {
      write: false,
      minify: true,
      rollupOptions: { input: join(folder, 'page.js'), external, preserveEntrySignatures: 'strict' },
    },
  });
  const outputs = (Array.isArray(result) ? result : [result]) as Rollup.RollupOutput[];
  const chunks = outputs.flatMap(({ output }) => output).filter((it) => it.type === 'chunk');
  return {
    code: chunks.map((chunk) => chunk.code).join('\n'),
    modules: chunks.flatMap((chunk) => chunk.moduleIds),
    imports: chunks.flatMap((chunk) => [...chunk.imports, ...chunk.dynamicImports]),
  };
}

describe('roomgate/client in a page', () => {
  test('bundles without anything of Node.js', async () => {
    const { code, modules, imports } = whole;
    expect(modules.some((id) => id.includes('/roomgate/dist/esm/client/'))).toBe(true);
    expect(modules.some((id) => id.includes('/socket.io-client/'))).toBe(true);
    // Vite's replacement of a module that only Node.js has.
    expect(modules.filter((id) => id.includes('__vite-browser-external') || isBuiltin(id))).toEqual([]);
    expect(imports.filter(isBuiltin)).toEqual([]);
    expect(code).not.toMatch(/\b(?:setImmediate|__dirname|Buffer\.from|process\.(?:env|nextTick|on))\b/);
  });

  test(`costs at most ${OWN_LIMIT_BYTES} bytes in addition to socket.io-client`, async () => {
    const own = await bundle(['socket.io-client', 'engine.io-client']);
    const [ownBytes, wholeBytes] = [own, whole].map(({ code }) => gzipSync(code, { level: 9 }).byteLength);
    console.log(
      `roomgate/client: ${ownBytes} bytes of its own, ${wholeBytes} bytes with socket.io-client (minified, gzip)`,
    );
    expect(own.imports.toSorted()).toEqual(['engine.io-client', 'socket.io-client']);
    expect(ownBytes).toBeGreaterThan(500);
    expect(ownBytes).toBeLessThanOrEqual(OWN_LIMIT_BYTES);
  });
});
