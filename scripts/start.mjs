import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const DEFAULT_PORT = 3000;
const PARENT_CHECK_MS = 250;

/** A mistake that its message explains fully, so that no stack is shown. */
class Complaint extends Error {}

try {
  await main();
} catch (error) {
  console.error(error instanceof Complaint ? error.message : error);
  process.exitCode = 1;
}

async function main() {
  const port = readPort(process.env.PORT);
  await build();
  // Only now: they import the package by its own name, which is what was just built.
  const { startServer } = await import('../examples/console/server.mjs');
  const { runSession } = await import('../examples/console/session.mjs');

  const { helper, url } = await startServer(port).catch((error) => {
    throw explain(error, port);
  });
  const stopping = stopOnSignal(helper);
  console.log(`Roomgate is ready on ${url}\n\nA short session against it, over real sockets:\n`);
  try {
    await runSession({ url, tell: (step) => console.log(`  ✓ ${step}`), signal: stopping });
  } catch (error) {
    if (stopping.aborted) return;
    await helper.shutdown();
    throw error;
  }
  console.log(`\nThe session went well. The server stays up on ${url} until you press Ctrl-C.`);
}

function readPort(given) {
  if (given === undefined || given === '') return DEFAULT_PORT;
  const port = Number(given);
  if (Number.isInteger(port) && port >= 0 && port <= 65_535) return port;
  throw new Complaint(`PORT is to be a number from 0 to 65535, "${given}" was given. For example: PORT=3001 npm start`);
}

function explain(error, port) {
  const another = port < 65_535 ? port + 1 : DEFAULT_PORT;
  const advice = `Choose another one, for example: PORT=${another} npm start`;
  if (error.code === 'EADDRINUSE') return new Complaint(`Port ${port} is taken by another program. ${advice}`);
  if (error.code === 'EACCES') return new Complaint(`Port ${port} may not be used by this user. ${advice}`);
  return error;
}

/** The signal that it returns is aborted as soon as the process is asked to stop; it then ends by itself. */
function stopOnSignal(helper) {
  const stopping = new AbortController();
  const stop = async () => {
    // Ctrl-C under npm arrives twice: from the terminal, and from npm.
    if (stopping.signal.aborted) return;
    stopping.abort();
    console.log('\nShutting down …');
    await helper.shutdown();
    console.log('Goodbye.');
  };
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
  if (process.env.npm_lifecycle_event !== undefined) whenParentIsGone(stop);
  return stopping.signal;
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

/** Always: it takes a second or two, and leaves alone what has not changed. */
async function build() {
  const child = spawn(process.execPath, [join(ROOT, 'scripts/build.mjs')], { cwd: ROOT, stdio: 'inherit' });
  const [code] = await once(child, 'exit');
  if (code !== 0) throw new Complaint('The build failed; what is wrong is said above.');
}
