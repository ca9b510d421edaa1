// `node bench/outage.mjs [--clients 10000] [--down 90] [--delay 20]`: real clients of one instance whose `authenticateFn` throws for
// `down` seconds, and then works. Prints the calls per second and the time until all clients are authenticated. Build first.
// The clients come within 10 s. `delay`: milliseconds that `authenticateFn` takes.
import { fork } from 'node:child_process';
import { createServer } from 'node:http';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const ARRIVAL_MS = 10_000;
/** A core of this machine can't open more connections in a second for the load. */
const LOADS = 2;
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

const { values } = parseArgs({
  options: {
    role: { type: 'string', default: 'main' },
    clients: { type: 'string', default: '10000' },
    down: { type: 'string', default: '90' },
    delay: { type: 'string', default: '20' },
    port: { type: 'string' },
  },
});
const [clients, down, delay] = [values.clients, values.down, values.delay].map(Number);

async function serve() {
  const { SocketIOServerHelper } = await import('../dist/index.js');
  const server = createServer();
  let works = false;
  const calls = [];
  const reports = [];
  let lastAuthenticated = 0;
  let attempts = 0;
  const helper = new SocketIOServerHelper({
    runtime: 'node',
    server,
    identifier: 'outage',
    serverOptions: { path: '/io', serveClient: false },
    authenticateFn: async () => {
      calls.push(Date.now());
      await pause(delay);
      if (!works) throw new Error('the backend is down');
      return true;
    },
    logger: false,
    onReport: (report) => {
      if (report.type === 'client_connected') attempts += 1;
      if (report.type === 'client_authenticated') lastAuthenticated = Date.now();
      if (report.type.startsWith('authentication_')) reports.push(report);
      if (report.type === 'client_refused' && report.code !== 'unavailable') reports.push(report);
    },
  });
  await helper.configure();
  server.listen(0, '127.0.0.1', () => process.send({ port: server.address().port }));
  process.on('message', ({ repair }) => {
    if (repair) works = true;
    const states = [...helper.getClients().values()];
    const authenticated = states.filter(({ state }) => state === 'authenticated').length;
    process.send({ authenticated, attempts, lastAuthenticated, ...(repair ? {} : { calls, reports }) });
  });
}

async function load() {
  const { SocketIOClientHelper } = await import('../dist/index.js');
  for (let index = 0; index < clients; index++) {
    const options = { path: '/io', transports: ['websocket'], forceNew: true };
    new SocketIOClientHelper({
      identifier: `client-${index}`,
      host: `http://127.0.0.1:${values.port}`,
      autoAuthenticate: true,
      logger: false,
      options,
    });
    // Together with the other load processes, evenly in the time of arrival.
    await pause(ARRIVAL_MS / clients);
  }
}

/** The most calls in any window of a second. */
function busiestSecond(calls) {
  let first = 0;
  return calls.reduce((most, at, index) => {
    while (at - calls[first] >= 1_000) first += 1;
    return Math.max(most, index - first + 1);
  }, 0);
}

function start(role, ...more) {
  const args = ['--role', role, '--delay', `${delay}`, ...more];
  return fork(fileURLToPath(import.meta.url), args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
}

function ask(child, message) {
  return new Promise((resolve) => {
    child.once('message', resolve);
    if (message !== undefined) child.send(message);
  });
}

async function main() {
  const server = start('server');
  const { port } = await ask(server);
  const each = `${Math.ceil(clients / LOADS)}`;
  const loads = Array.from({ length: LOADS }, () => start('load', '--port', `${port}`, '--clients', each));
  await pause(down * 1_000);
  const repairedAt = Date.now();
  await ask(server, { repair: true });
  let state;
  do {
    await pause(2_000);
    state = await ask(server, {});
  } while (state.authenticated < Number(each) * LOADS && Date.now() - repairedAt < 180_000);
  const during = state.calls.filter((at) => at < repairedAt);
  console.log(`clients authenticated: ${state.authenticated} of ${Number(each) * LOADS}`);
  console.log(`attempts to connect: ${state.attempts}`);
  console.log(`calls while it failed: ${during.length}, ${(during.length / down).toFixed(1)} a second`);
  console.log(`the most calls in a second while it failed: ${busiestSecond(during)}`);
  console.log(`all in after ${((state.lastAuthenticated - repairedAt) / 1_000).toFixed(1)} s`);
  console.log(state.reports.slice(0, 20));
  for (const child of [...loads, server]) child.kill();
}

await { main, server: serve, load }[values.role]();
