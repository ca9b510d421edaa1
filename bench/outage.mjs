// `node bench/outage.mjs [--clients 10000] [--down 60] [--delay 20]`: clients of one instance whose `authenticateFn` throws for `down`
// seconds, and then works. Prints the calls per second and the time until all clients are authenticated. Build first. The clients come
// within 10 s, each over a connection of its own. `delay`: milliseconds that `authenticateFn` takes.
import { fork } from 'node:child_process';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { connect } from 'node:net';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { feed, masked } from './load/frames.mjs';

const { BackOff } = createRequire(import.meta.url)('../dist/cjs/client/back-off.js');

const UPGRADE = [
  'GET /io/?EIO=4&transport=websocket HTTP/1.1',
  'Host: localhost',
  'Upgrade: websocket',
  'Connection: Upgrade',
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
  'Sec-WebSocket-Version: 13',
  '\r\n',
].join('\r\n');
const ARRIVAL_MS = 10_000;
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

const { values } = parseArgs({
  options: {
    role: { type: 'string', default: 'main' },
    clients: { type: 'string', default: '10000' },
    down: { type: 'string', default: '60' },
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

/** A client as the helper is one, over a raw connection: the same messages, and the back-off of the helper. */
class Client {
  skip = 0;
  rest = undefined;
  #backOff = new BackOff({ min: 1_000, max: 5_000, jitter: undefined });
  #socket;

  connect() {
    [this.skip, this.rest] = [0, undefined];
    let isUpgraded = false;
    const socket = connect({ port: Number(values.port), host: '127.0.0.1', noDelay: true });
    socket.on('connect', () => socket.write(UPGRADE));
    socket.on('data', (chunk) => {
      if (isUpgraded) return feed(this, chunk, chunk.length);
      this.rest = Buffer.concat([this.rest ?? Buffer.alloc(0), chunk]);
      const end = this.rest.indexOf('\r\n\r\n');
      if (end < 0) return;
      const frames = this.rest.subarray(end + 4);
      [isUpgraded, this.rest] = [true, undefined];
      if (frames.length > 0) feed(this, frames, frames.length);
    });
    socket.on('error', () => {});
    socket.on('close', () => setTimeout(() => this.connect(), this.#backOff.duration()));
    this.#socket = socket;
  }

  control(text) {
    if (text.startsWith('0')) this.#socket.write(masked('40{"token":"good"}'));
    else if (text.startsWith('40')) this.#socket.write(masked('42["authenticate"]'));
    else if (text === '2') this.#socket.write(masked('3'));
    else if (text.startsWith('42["unauthenticated"')) this.#backOff.notSooner(JSON.parse(text.slice(2))[1].after);
  }
}

async function load() {
  const start = Date.now();
  for (let index = 0; index < clients; index++) {
    const leftMs = start + (index * ARRIVAL_MS) / clients - Date.now();
    if (leftMs > 0) await pause(leftMs);
    new Client().connect();
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
  const load = start('load', '--port', `${port}`, '--clients', `${clients}`);
  await pause(down * 1_000);
  const repairedAt = Date.now();
  await ask(server, { repair: true });
  let state;
  do {
    await pause(2_000);
    state = await ask(server, {});
  } while (state.authenticated < clients && Date.now() - repairedAt < 180_000);
  const during = state.calls.filter((at) => at < repairedAt);
  console.log(`clients authenticated: ${state.authenticated} of ${clients}`);
  console.log(`attempts to connect: ${state.attempts}`);
  console.log(`calls while it failed: ${during.length}, ${(during.length / down).toFixed(1)} a second`);
  console.log(`the most calls in a second while it failed: ${busiestSecond(during)}`);
  console.log(`all in after ${((state.lastAuthenticated - repairedAt) / 1_000).toFixed(1)} s`);
  console.log(state.reports.slice(0, 20));
  for (const child of [load, server]) child.kill();
}

await { main, server: serve, load }[values.role]();
