// The load: one process with all clients. It runs the commands below, received over the IPC channel.
import { once } from 'node:events';
import { connect } from 'node:net';
import { calm, flood } from './flood.mjs';
import { masked, now, tally } from './frames.mjs';
import { Peer } from './peer.mjs';

const PARALLEL = 50;
let peers = [];
let mark = { cpu: process.cpuUsage(), at: performance.now() };

async function open({ port, clients, rooms, perRoom, byPolling }) {
  const first = peers.length;
  let next = first;
  const lane = async () => {
    while (next < first + clients) {
      const index = next++;
      if (byPolling) peers[index] = await Peer.upgrade(port);
      else peers[index] = await Peer.open(port, rooms ? [`room-${Math.floor(index / perRoom)}`] : undefined);
    }
  };
  await Promise.all(Array.from({ length: PARALLEL }, lane));
}

function reset() {
  tally.messages = 0;
  tally.pings = 0;
  tally.samples.length = 0;
  tally.expected = Number.POSITIVE_INFINITY;
  for (const peer of peers) peer.messages = 0;
  mark = { cpu: process.cpuUsage(), at: performance.now() };
}

/** From now on the load sends the server one byte when all messages of a tick have arrived. */
async function pace({ control, perTick }) {
  const line = connect({ port: control, host: '127.0.0.1', noDelay: true });
  line.on('error', () => {});
  await once(line, 'connect');
  tally.reached = () => {
    tally.expected += perTick;
    line.write('.');
  };
  tally.expected = tally.messages + perTick;
  stopPacing = () => {
    tally.reached = () => {};
    line.destroy();
  };
}
let stopPacing = () => {};

const arrived = (messages) =>
  new Promise((resolve) => {
    if (tally.messages >= messages) return resolve();
    tally.expected = messages;
    tally.reached = resolve;
  });

/** Each talker sends once every `every` milliseconds, at its own offset, `times` times. */
async function talk({ talkers, every, times, size, expect }) {
  const filling = 'x'.repeat(size - 16);
  const end = arrived(expect);
  const started = performance.now();
  let said = 0;
  const timer = setInterval(() => {
    const due = Math.min(talkers * times, Math.floor(((performance.now() - started) * talkers) / every));
    for (; said < due; said++) peers[said % talkers].say(String(Math.round(now())) + filling);
    if (said === talkers * times) clearInterval(timer);
  }, 1);
  await end;
}

/**
 * Similar to the events of a game's or an editor's clients: `size` bytes of JSON, lists and objects four levels deep.
 */
function payload(id, size) {
  const item = (index) => ({ at: [index, index * 2], kind: 'move', of: { user: index, name: 'ada' } });
  const data = { id, room: 'lobby', items: [item(0)] };
  const length = () => JSON.stringify(data).length;
  while (length() + 60 < size) data.items.push(item(data.items.length));
  data.text = '';
  data.text = 'x'.repeat(Math.max(0, size - length()));
  return data;
}

/** Each client sends one event per tick; the next tick begins once the server has received and answered all of them. */
async function shout({ control, ticks, size, ack }) {
  const frames = peers.map((_, id) => masked(`42${ack ? id : ''}${JSON.stringify(['in', payload(id, size)])}`));
  const line = connect({ port: control, host: '127.0.0.1', noDelay: true });
  await once(line, 'connect');
  let left = ticks;
  let answers = 0;
  let taken = false;
  await new Promise((resolve) => {
    const tick = () => {
      answers = 0;
      taken = false;
      for (let index = 0; index < peers.length; index++) peers[index].write(frames[index]);
    };
    const next = () => {
      if (!taken || answers < (ack ? peers.length : 0)) return;
      if (--left === 0) resolve();
      else setImmediate(tick);
    };
    tally.answered = () => {
      tally.messages++;
      answers++;
      next();
    };
    line.on('data', () => {
      taken = true;
      next();
    });
    tick();
  });
  line.destroy();
}

/** For `ms` milliseconds one client sends events, one each `every` milliseconds, or once the last one was answered. */
async function probe({ every, ms }) {
  const delays = [];
  for (const until = performance.now() + ms; performance.now() < until; ) {
    const began = performance.now();
    await new Promise((resolve) => {
      tally.answered = resolve;
      peers[0].write(masked('421["in",{"id":1}]'));
    });
    const delay = performance.now() - began;
    delays.push(delay);
    if (delay < every) await new Promise((resolve) => setTimeout(resolve, every - delay));
  }
  const sorted = Float64Array.from(delays).sort();
  const at = (part) => sorted[Math.floor((sorted.length - 1) * part)];
  return { p50: at(0.5), p99: at(0.99), worst: at(1) };
}

function result() {
  const { user, system } = process.cpuUsage(mark.cpu);
  const samples = Float64Array.from(tally.samples).sort();
  const at = (part) => (samples.length ? samples[Math.floor((samples.length - 1) * part)] / 1_000 : null);
  const counts = peers.map((peer) => peer.messages);
  return {
    messages: tally.messages,
    pings: tally.pings,
    fewest: counts.reduce((least, count) => Math.min(least, count), Number.POSITIVE_INFINITY),
    most: counts.reduce((most, count) => Math.max(most, count), 0),
    p50: at(0.5),
    p99: at(0.99),
    busy: ((user + system) / 1_000 / (performance.now() - mark.at)) * 100,
    closed: peers.filter((peer) => peer.closed).length,
  };
}

const commands = {
  flood,
  calm,
  probe,
  open,
  reset,
  pace,
  unpace: () => stopPacing(),
  talk,
  shout,
  result,
  count: () => ({ messages: tally.messages }),
  pause: ({ index }) => peers[index].pause(),
  close: () => {
    for (const peer of peers) peer.close();
    peers = [];
  },
};

process.on('message', async ({ id, command, ...work }) => {
  try {
    process.send({ id, ...(await commands[command](work)) });
  } catch (error) {
    process.send({ id, error: error.message });
  }
});
process.on('disconnect', () => process.exit());
process.send({ ready: true });
