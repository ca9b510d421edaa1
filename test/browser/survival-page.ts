import { SocketIOClientHelper } from '../../src/client/index.js';

declare global {
  interface Window {
    startSurvivor(host: string, transports: string[]): void;
    survivor?: SocketIOClientHelper;
  }
}

/** A page without own code for reconnecting. */
window.startSurvivor = (host, transports) => {
  const helper = new SocketIOClientHelper({
    identifier: 'page',
    host,
    // Long enough that only the browser's `online` event can cause an earlier attempt.
    options: { path: '/io', transports, reconnectionDelay: 600_000, reconnectionDelayMax: 600_000 },
    credentials: ({ reason }) => ({ token: 'good', reason }),
    queue: true,
    onRoomsRejoined: (answer) => window.tell('rejoined', answer),
    onStatusChanged: ({ status }) => window.tell('status', status),
  });
  helper.subscribe({ event: 'news', handler: (data) => window.tell('news', data) });
  window.survivor = helper;
};
window.tell('loaded');
