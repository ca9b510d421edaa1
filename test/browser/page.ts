import { SocketIOClientHelper, SocketIOClientStates } from '../../src/client/index.js';

declare global {
  interface Window {
    /** Provided by the test. */
    tell(step: string, detail?: unknown): void;
    startClient(host: string, transports: string[], token: string): void;
    client?: SocketIOClientHelper;
  }
}

/** A page like a user's; it reports each step to the test. */
window.startClient = (host, transports, token) => {
  const helper = new SocketIOClientHelper({
    identifier: 'page',
    host,
    options: { path: '/io', transports, auth: { token } },
    onConnected: () => {
      window.tell('connected', helper.getState());
      helper.authenticate();
    },
    onAuthenticated: async () => {
      window.tell('authenticated', helper.getState() === SocketIOClientStates.AUTHENTICATED);
      window.tell('rooms', await helper.joinRooms({ rooms: ['open-1', 'closed'] }));
    },
    onUnauthenticated: (message) => window.tell('unauthenticated', message),
    onDisconnected: (reason) => window.tell('disconnected', reason),
  });
  helper.subscribe({ event: 'news', handler: (data) => window.tell('news', data) });
  window.client = helper;
};
window.tell('loaded', {
  process: 'process' in globalThis,
  Buffer: 'Buffer' in globalThis,
  setImmediate: 'setImmediate' in globalThis,
});
