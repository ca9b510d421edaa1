import { join } from 'node:path';
import { buildInto } from './build-into.mjs';
import { root, run } from './run.mjs';

/** Builds server and page of `examples/chat` into its `dist`, if they are out of date. Build the library before. */
const CHAT = 'examples/chat';
const SOURCES = ['contract.ts', 'names.ts', 'words.ts', 'server', 'page'].map((name) => `${CHAT}/${name}`);

const built = await buildInto(`${CHAT}/dist`, ['dist', ...SOURCES, 'scripts/build-chat.mjs'], async (fresh) => {
  const parts = await Promise.all([buildServer(fresh), buildPage(fresh)]);
  for (const { ok, output } of parts) if (!ok) console.error(output);
  return parts.every(({ ok }) => ok);
});
if (!built) process.exitCode = 1;

function buildServer(fresh) {
  const compiler = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  return run(process.execPath, [compiler, '-p', join(root, CHAT, 'server'), '--outDir', fresh], { quiet: true });
}

function buildPage(fresh) {
  const vite = join(root, 'node_modules', 'vite', 'bin', 'vite.js');
  const page = join(root, CHAT, 'page');
  const config = ['--config', join(page, 'vite.config.ts'), '--configLoader', 'runner'];
  const args = [vite, 'build', page, ...config, '--outDir', join(fresh, 'page'), '--logLevel', 'warn'];
  // So that the page does not depend on the environment of this process.
  return run(process.execPath, args, { quiet: true, env: { NODE_ENV: 'production' } });
}
