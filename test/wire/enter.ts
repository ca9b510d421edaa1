import { rawWebSocket, type WebSocketPeer } from '../support/raw.js';

/** A connection that was let in, with the frames of that read: what comes next was caused by the test. */
export async function enter(url: string): Promise<WebSocketPeer & { readonly sid: string }> {
  const socket = await rawWebSocket(url);
  const { sid } = await socket.connect('/', { token: 'good' });
  socket.emit('authenticate');
  await socket.event('ping');
  await socket.event('authenticated');
  return Object.assign(socket, { sid });
}
