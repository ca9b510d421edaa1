import { SocketIOClientHelper } from '../../src/client/index.js';

declare global {
  interface Window {
    startSurvivor(host: string, transports: string[]): void;
    survivor?: SocketIOClientHelper;
  }
}

/** A page that leaves everything to the client. */
window.startSurvivor = (host, transports) => {
  const helper = new SocketIOClientHelper({
    identifier: 'page',
    host,
    // So long that only the news of the network makes it try earlier.
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
