import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { installedBun } from '../scripts/bun.mjs';

const running = new Set();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => process.exit(130));

export const pinned =
  spawnSync('taskset', ['-c', '0', 'true']).status === 0 && spawnSync('taskset', ['-c', '1', 'true']).status === 0;

/** The path in `--bun`, or the Bun that `npm install` installed. */
export const bunProgram = () => process.env.ROOMGATE_BENCH_BUN ?? installedBun();

function commandOf(file, settings, { core, bun }) {
  const runner = bun ? [bunProgram()] : [process.execPath, '--expose-gc'];
  const script = fileURLToPath(new URL(file, import.meta.url));
  return [...(pinned ? ['taskset', '-c', String(core)] : []), ...runner, script, JSON.stringify(settings)];
}

/** A process of the benchmark, pinned to one core if taskset exists. `ask` resolves to its answer to a command. */
export async function startProgram(file, settings, where) {
  const [command, ...args] = commandOf(file, settings, where);
  const child = spawn(command, args, { stdio: ['ignore', 'ignore', 'pipe', 'ipc'], serialization: 'json' });
  running.add(child);
  const waiting = new Map();
  let errors = '';
  child.stderr.on('data', (chunk) => {
    errors = (errors + chunk).slice(-2_000);
  });
  const gone = new Promise((_, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => {
      running.delete(child);
      reject(new Error(`${file} ended with ${signal ?? code}: ${errors.trim().split('\n').slice(-6).join(' | ')}`));
    });
  });
  gone.catch(() => {});
  child.on('message', ({ id, ...answer }) => waiting.get(id)?.(answer));
  const [ready] = await Promise.race([once(child, 'message'), gone, late(`${file} did not start`, 30_000)]);
  let lastId = 0;
  const ask = (command, work = {}, limit = 60_000) => {
    const id = ++lastId;
    const answered = new Promise((resolve) => waiting.set(id, resolve)).finally(() => waiting.delete(id));
    child.send({ id, command, ...work });
    return Promise.race([answered, gone, late(`${file} did not answer "${command}"`, limit)]);
  };
  const stop = async () => {
    child.kill('SIGKILL');
    await gone.catch(() => {});
  };
  return { ...ready, ask, stop };
}

function late(message, limit) {
  return new Promise((_, reject) =>
    setTimeout(() => reject(new Error(`${message} within ${limit / 1_000} s`)), limit).unref(),
  );
}
