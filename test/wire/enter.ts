import { rawWebSocket, type WebSocketPeer } from '../support/raw.js';

/** An authenticated connection whose earlier frames have been read: the test caused all later ones. */
export async function enter(url: string): Promise<WebSocketPeer & { readonly sid: string }> {
  const socket = await rawWebSocket(url);
  const { sid } = await socket.connect('/', { token: 'good' });
  socket.emit('authenticate');
  await socket.event('ping');
  await socket.event('authenticated');
  return Object.assign(socket, { sid });
}
