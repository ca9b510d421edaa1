import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { pinned } from './program.mjs';

let port;

/** A Redis for this run only, on the load's core. Starts at the first call; resolves to its port. */
export async function startRedis() {
  port ??= start();
  return port;
}

async function start() {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const free = probe.address().port;
  await new Promise((resolve) => probe.close(resolve));
  const line = ['redis-server', '--port', String(free), '--save', '', '--appendonly', 'no', '--bind', '127.0.0.1'];
  const [command, ...args] = pinned ? ['taskset', '-c', '1', ...line] : line;
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'ignore'] });
  process.on('exit', () => child.kill('SIGKILL'));
  child.unref();
  const missing = once(child, 'exit').then(() => Promise.reject(new Error('redis-server cannot be started')));
  missing.catch(() => {});
  let said = '';
  for await (const chunk of child.stdout) {
    said += chunk;
    if (said.includes('Ready to accept connections')) break;
  }
  if (!said.includes('Ready')) await missing;
  return free;
}
