// CPU of the server per connection that is opened and authenticated: Roomgate beside plain Socket.IO doing the same work,
// in turn, in one run. `node connect.mjs [rounds] [connections]`, and `RUNTIME=bun` before it for servers on Bun, where plain
// Socket.IO is bound to the same engine. Quote the ratio; machines differ and drift.
import { execFileSync, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { WebSocket } from 'ws';
import { installedBun } from '../scripts/bun.mjs';

const [rounds = 7, connections = 2_000] = process.argv.slice(2).map(Number);
const onBun = process.env.RUNTIME === 'bun';
const PARALLEL = 50;
const VARIANTS = ['plain', 'roomgate'];

function pin(pid, cpu) {
  try {
    execFileSync('taskset', ['-cp', String(cpu), String(pid)], { stdio: 'ignore' });
  } catch {
    // No taskset, or one processor: the figures are noisier, and still of one process each.
  }
}

async function start(variant) {
  const file = fileURLToPath(new URL('connect-server.mjs', import.meta.url));
  const runner = onBun ? { execPath: installedBun(), execArgv: [] } : { execArgv: ['--expose-gc'] };
  const child = fork(file, [variant], runner);
  child.once('exit', (code) => {
    if (code) process.exit(code);
  });
  pin(child.pid, 0);
  const [{ port }] = await once(child, 'message');
  const ask = async () => {
    child.send('report');
    return (await once(child, 'message'))[0];
  };
  return { variant, child, url: `ws://127.0.0.1:${port}/io/?EIO=4&transport=websocket`, ask };
}

/** Opens one connection and resolves once it is authenticated. Raw frames: a client library would cost more than the server. */
function open(url) {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(url, { perMessageDeflate: false });
    socket.on('error', reject);
    socket.on('message', (data) => {
      const frame = String(data);
      if (frame.startsWith('0')) socket.send('40{"token":"good"}');
      else if (frame.startsWith('40')) socket.send('42["authenticate"]');
      else if (frame.startsWith('42["authenticated"')) resolve(socket);
      else if (frame === '2') socket.send('3');
    });
  });
}

async function measure({ url, ask }) {
  const before = await ask();
  const sockets = [];
  const lane = async () => {
    while (sockets.length < connections) {
      const place = sockets.push(undefined) - 1;
      sockets[place] = await open(url);
    }
  };
  await Promise.all(Array.from({ length: PARALLEL }, lane));
  const full = await ask();
  for (const socket of sockets) socket.close();
  let after = await ask();
  while (after.clients > 0) after = await ask();
  return {
    connect: (full.cpu - before.cpu) / connections,
    whole: (after.cpu - before.cpu) / connections,
    heap: (full.heap - before.heap) / connections,
  };
}

const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];
const row = (values, digits = 1) =>
  [Math.min(...values), median(values), Math.max(...values)].map((value) => value.toFixed(digits)).join(' / ');

pin(process.pid, 1);
const servers = await Promise.all(VARIANTS.map(start));
for (const server of servers) await measure(server);
const results = Object.fromEntries(VARIANTS.map((variant) => [variant, []]));
for (let round = 0; round < rounds; round++) {
  for (const server of round % 2 === 0 ? servers : [...servers].reverse()) {
    results[server.variant].push(await measure(server));
  }
}
for (const { child } of servers) child.kill();

console.log(
  `${connections} connections, ${rounds} rounds in turn, ${onBun ? 'Bun' : `Node.js ${process.version}`}; min / median / max`,
);
for (const [field, label] of [
  ['connect', 'us of CPU to connect and authenticate'],
  ['whole', 'us of CPU, the end included'],
  ['heap', 'bytes of heap while connected'],
]) {
  for (const variant of VARIANTS)
    console.log(`  ${variant.padEnd(9)} ${row(results[variant].map((r) => r[field]))} ${label}`);
  const ratios = results.roomgate.map((r, index) => r[field] / results.plain[index][field]);
  console.log(`  ratio     ${row(ratios, 3)} roomgate / plain, round by round`);
}
