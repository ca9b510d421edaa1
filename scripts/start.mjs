import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { installedBun } from './bun.mjs';

/**
 * `npm start`: builds the library and the chat of `examples/chat`, and runs the chat in this process. `npm run start:bun` adds
 * `--bun`, and runs it on Bun.
 */
const CHAT = new URL('../examples/chat/dist/server/main.js', import.meta.url);
const isForBun = process.argv.includes('--bun');
const bun = isForBun ? installedBun() : undefined;

if (process.env.npm_lifecycle_event !== undefined) await import('./end-with-parent.mjs');
if (isForBun && bun === undefined) fail('There is no Bun in node_modules. Run npm install.');
else if (!((await built('build.mjs')) && (await built('build-chat.mjs')))) {
  fail('The build failed. The errors are above.');
} else if (bun !== undefined) await runOn(bun);
// Imported here, because it was just built.
else await import(CHAT.href);

/** Runs each time. It takes no time if nothing has changed. */
async function built(script) {
  const [code] = await once(spawn(process.execPath, [pathOf(script)], { stdio: 'inherit' }), 'exit');
  return code === 0;
}

async function runOn(program) {
  const child = spawn(program, ['--preload', pathOf('end-with-parent.mjs'), fileURLToPath(CHAT)], { stdio: 'inherit' });
  // Ctrl-C reaches both processes. A signal to this process alone is passed on, and twice does no harm.
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal));
  const [code] = await once(child, 'exit');
  process.exitCode = code ?? 1;
}

function pathOf(script) {
  return fileURLToPath(new URL(script, import.meta.url));
}

function fail(why) {
  console.error(why);
  process.exitCode = 1;
}
