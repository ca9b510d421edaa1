import { authenticateFn, settings } from './host.mjs';

/**
 * The part of Engine.IO's and Socket.IO's protocol that the load uses, for the variants without Socket.IO. They send
 * the same frames, and show the limit of the machine; they are not alternatives for a program. `peer` has `send`,
 * `join` and `close`; `say` handles a client's message.
 */
export const OPENED = '0{"sid":"0","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}';
const time = () => new Date().toISOString();
export const frameOf = (text) => `42["m","${text}"]`;

export function answer(peer, frame, say) {
  if (frame.startsWith('40')) {
    peer.auth = JSON.parse(frame.slice(2));
    return peer.send('40{"sid":"0"}');
  }
  if (!frame.startsWith('42')) return;
  const [event, data] = JSON.parse(frame.slice(2));
  if (event === 'say') return say(data);
  if (event === 'join') for (const room of data.rooms) peer.join(room);
  if (event === 'authenticate') admit(peer);
}

async function admit(peer) {
  if (!(await authenticateFn({ auth: peer.auth }))) return peer.close();
  clearTimeout(peer.deadline);
  const ping = () => peer.send(`42["ping",{"time":"${time()}"}]`);
  ping();
  peer.join('io-default');
  peer.join('io-notification');
  peer.interval = setInterval(ping, settings.pingInterval ?? 30_000);
  peer.send(`42["authenticated",{"id":"0","time":"${time()}"}]`);
}

export function opened(peer) {
  peer.deadline = setTimeout(() => peer.close(), 10_000);
  peer.heartbeat = setInterval(() => peer.send('2'), 25_000);
  peer.send(OPENED);
}

export function closed(peer) {
  clearTimeout(peer.deadline);
  clearInterval(peer.interval);
  clearInterval(peer.heartbeat);
}
