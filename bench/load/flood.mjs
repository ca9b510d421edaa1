// What flooders send: one burst after another, as fast as the server reads.
import { once } from 'node:events';
import { Agent } from 'node:http';
import { connect } from 'node:net';
import { getPriority, setPriority } from 'node:os';
import { masked } from './frames.mjs';
import { Peer } from './peer.mjs';
import { authenticatedByPolling, exchange } from './polling.mjs';

const BURST_BYTES = 54_000;
const PARALLEL = 50;
const item = (index) => ({ at: [index, index * 2], kind: 'move', of: { user: index, name: 'ada' } });

/** The texts of one burst over a WebSocket. */
const TEXTS = {
  events: ['42["in",{"id":1}]'],
  acknowledged: ['421["in",{"id":1}]'],
  acknowledgements: ['431[]'],
  rooms: ['42["join",{"rooms":["flood"]}]', '42["leave",{"rooms":["flood"]}]'],
  namespaces: ['40/other,', '41/other,'],
};
const LARGE = `42["in",${JSON.stringify({ id: 1, items: Array.from({ length: 12_000 }, (_, index) => item(index)) })}]`;
const PING = Buffer.from([0x89, 0x80, 0, 0, 0, 0]);

function burstOf(kind) {
  if (kind === 'large') return masked(LARGE);
  const frames = kind === 'pings' ? [PING] : (TEXTS[kind] ?? TEXTS.events).map(masked);
  const once = Buffer.concat(frames);
  return Buffer.concat(Array.from({ length: Math.floor(BURST_BYTES / once.length) }, () => once));
}

let isOver = false;
const turn = () => new Promise((resolve) => setImmediate(resolve));

/** Runs `work` again and again, in so many lanes. Its errors are those of connections that the server has closed. */
function lanes(count, work) {
  const lane = async (index) => {
    while (!isOver) {
      await work(index).catch(() => {});
      await turn();
    }
  };
  for (let index = 0; index < count; index++) void lane(index);
}

async function pump(peer, burst) {
  while (!isOver && !peer.closed) {
    if (peer.write(burst)) await turn();
    else await peer.drained();
  }
}

async function overWebSockets({ port, kind, clients }) {
  const burst = burstOf(kind);
  const peers = [];
  for (let index = 0; index < clients; index++) peers.push(await Peer.open(port, undefined, kind === 'strangers'));
  for (const peer of peers) void pump(peer, burst);
  return () => peers.filter(({ closed }) => closed).length;
}

async function byPosts({ port, clients }) {
  const body = Array.from({ length: 3_000 }, () => TEXTS.events[0]).join('\x1e');
  const sessions = [];
  for (let index = 0; index < clients; index++) sessions.push(await authenticatedByPolling(port));
  const agent = new Agent({ keepAlive: true });
  lanes(clients, (index) => exchange({ agent, port, sid: sessions[index], method: 'POST', body }));
}

async function byConnects({ port }) {
  lanes(PARALLEL, async () => (await Peer.open(port)).close());
}

async function bySessions({ port }) {
  const agent = new Agent({ keepAlive: true });
  lanes(4, () => exchange({ agent, port, method: 'GET' }));
}

/** Requests whose heads come byte by byte. */
async function slowly({ port }) {
  const text = `GET /io/?EIO=4&transport=polling HTTP/1.1\r\nHost: localhost\r\nX: ${'x'.repeat(1_000)}`;
  lanes(1_000, async (index) => {
    const socket = connect({ port, host: '127.0.0.1' });
    socket.on('error', () => {});
    await once(socket, 'connect');
    for (const byte of text) {
      if (isOver || socket.destroyed) break;
      socket.write(byte);
      await new Promise((resolve) => setTimeout(resolve, 200 + (index % 100)));
    }
    socket.destroy();
  });
}

const OTHERS = { posts: byPosts, connects: byConnects, sessions: bySessions, slow: slowly };
let closedOf = () => 0;

/** Begins a flood. The prober, which shares the core, comes first, because its delay is measured. */
export async function flood(work) {
  setPriority(Math.min(19, getPriority() + 10));
  isOver = false;
  closedOf = (await (OTHERS[work.kind] ?? overWebSockets)(work)) ?? (() => 0);
}

export function calm() {
  isOver = true;
  return { closed: closedOf() };
}
