import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { moveOver } from './move-over.mjs';
import { root, run } from './run.mjs';

/**
 * Builds the chat of `examples/chat`, its server and its page, into its `dist`. The library has to be built before. Like
 * `build.mjs` it builds elsewhere and then moves over what is new, so that several may run at once, and beside a server.
 */
const chat = join(root, 'examples', 'chat');
await mkdir(join(root, '.cache'), { recursive: true });
const fresh = await mkdtemp(join(root, '.cache', 'chat-'));
try {
  const built = await Promise.all([buildServer(), buildPage()]);
  for (const { ok, output } of built) if (!ok) console.error(output);
  if (built.every(({ ok }) => ok)) await moveOver(fresh, join(chat, 'dist'));
  else process.exitCode = 1;
} finally {
  await rm(fresh, { recursive: true, force: true });
}

function buildServer() {
  const compiler = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  return run(process.execPath, [compiler, '-p', join(chat, 'server'), '--outDir', fresh], { quiet: true });
}

function buildPage() {
  const vite = join(root, 'node_modules', 'vite', 'bin', 'vite.js');
  const page = join(chat, 'page');
  const config = ['--config', join(page, 'vite.config.ts'), '--configLoader', 'runner'];
  const args = [vite, 'build', page, ...config, '--outDir', join(fresh, 'page'), '--logLevel', 'warn'];
  return run(process.execPath, args, { quiet: true });
}
