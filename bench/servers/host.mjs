import { once } from 'node:events';
import { createServer } from 'node:net';

/**
 * The frame of every measured message is the same for each variant: an event `m` with one string. It begins with the
 * time of sending in microseconds, 16 digits, so that the load finds it at a fixed offset without decoding.
 */
export const TOPIC = 'm';
const clock = () => String(Math.round((performance.timeOrigin + performance.now()) * 1_000));

export const onBun = 'Bun' in globalThis;
export const path = '/io';
export const defaultRooms = ['io-default', 'io-notification'];
export const authenticateFn = async ({ auth }) => auth.token === 'good';

/**
 * Settings from the program that starts the servers: `redis`, `pingInterval`, `spin`, and the options in `--variants`.
 */
export const settings = JSON.parse(process.argv[2] ?? '{}');

function collect() {
  if (onBun) Bun.gc(true);
  else for (let run = 0; run < 2; run++) globalThis.gc?.();
}

function report(app) {
  const { user, system } = process.cpuUsage();
  const { heapUsed, external, rss } = process.memoryUsage();
  return { at: performance.now(), cpu: user + system, heap: heapUsed, external, rss, clients: app.clients() };
}

/** Artificial work, to check that the benchmark detects it: `spin` microseconds of extra CPU per delivery. */
function spin(deliveries) {
  const enough = settings.spin * deliveries;
  const before = process.cpuUsage();
  for (let spent = 0; spent < enough; ) {
    const { user, system } = process.cpuUsage(before);
    spent = user + system;
  }
}

/**
 * One timer callback sends all messages of a tick. The load asks for the next tick by a byte on the control connection.
 * That is a separate connection, because a message of the IPC channel costs ten times as much.
 */
function bursts(app) {
  let acknowledged = () => {};
  const control = createServer((socket) => {
    socket.on('data', () => acknowledged());
    inbound.tell = () => socket.write('.');
  });
  const tick = ({ perTick, size, names, members }) => {
    const filling = 'x'.repeat(size - 16);
    for (let message = 0; message < perTick; message++) {
      for (const room of names) app.publish(room, clock() + filling);
      if (settings.spin) spin(names.length * members);
    }
  };
  const named = ({ rooms, ...work }) => {
    const names = rooms ? Array.from({ length: rooms }, (_, room) => `room-${room}`) : [defaultRooms[0]];
    return { ...work, names };
  };
  const burst = (given) =>
    new Promise((resolve) => {
      const work = named(given);
      const before = process.cpuUsage();
      const started = performance.now();
      let left = work.ticks;
      acknowledged = () => {
        if (--left > 0) return setTimeout(tick, 0, work);
        const { user, system } = process.cpuUsage(before);
        resolve({ cpu: user + system, ms: performance.now() - started });
      };
      setTimeout(tick, 0, work);
    });
  return { control, burst, probe: (given) => tick(named(given)) };
}

/** Where the last event of a tick is reported. */
let inbound = { left: 0, perTick: 0, tell: () => {} };

/** Each variant's handler of the event `in`: counts it, and answers if asked. */
export function take(data, acknowledge) {
  if (typeof acknowledge === 'function') acknowledge(data.id);
  if (--inbound.left > 0) return;
  inbound.left = inbound.perTick;
  inbound.tell();
}

/**
 * Runs a variant's server. `build` resolves to `port`, `publish(room, text)`, which sends the event `m`, and
 * `clients()`. It passes its clients' event `in` to `take`.
 */
export async function host(build) {
  const app = await build();
  const { control, burst, probe } = bursts(app);
  control.listen(0, '127.0.0.1');
  await once(control, 'listening');
  const commands = {
    burst,
    probe,
    inbound: ({ perTick }) => {
      inbound = { ...inbound, perTick, left: perTick };
    },
    collect: () => {
      collect();
      return report(app);
    },
    report: () => report(app),
  };
  process.on('message', async ({ id, command, ...work }) => {
    process.send({ id, ...(await commands[command](work)) });
  });
  process.on('disconnect', () => process.exit());
  process.send({ ready: true, port: app.port, control: control.address().port });
}

/** Resolves to the port once the server listens. */
export async function listening(server) {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server.address().port;
}
