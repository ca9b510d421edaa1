import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** `npm start`: builds the library, then the chat of `examples/chat` on top of it, and runs the chat in this process. */
const PARENT_CHECK_MS = 250;

if (process.env.npm_lifecycle_event !== undefined) whenParentIsGone(() => process.kill(process.pid, 'SIGTERM'));
if ((await built('build.mjs')) && (await built('build-chat.mjs'))) {
  // Only now: it is what was just built.
  await import('../examples/chat/dist/server/main.js');
} else {
  console.error('The build failed; what is wrong is said above.');
  process.exitCode = 1;
}

/** Always: it takes a few seconds, and leaves alone what has not changed. */
async function built(script) {
  const path = fileURLToPath(new URL(script, import.meta.url));
  const [code] = await once(spawn(process.execPath, [path], { stdio: 'inherit' }), 'exit');
  return code === 0;
}

/** npm hands SIGTERM on to its shell, which on Debian dies of it without telling anybody. */
function whenParentIsGone(act) {
  const parent = process.ppid;
  const watch = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(watch);
    act();
  }, PARENT_CHECK_MS);
  watch.unref();
}
