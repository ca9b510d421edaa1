import { SocketIOClientHelper } from '../../src/client/index.js';

declare global {
  interface Window {
    /** Provided by the test. */
    told(message: string, answer: string): void;
    attempt(host: string, transports: string[]): void;
  }
}

/** A page that tells how each attempt to connect failed. */
window.attempt = (host, transports) => {
  const helper = new SocketIOClientHelper({
    identifier: 'page',
    host,
    options: { path: '/io', transports, reconnectionDelay: 10, reconnectionDelayMax: 20 },
    autoAuthenticate: true,
    logger: false,
    onAuthenticated: () => window.told('authenticated', ''),
    onError: (error) => {
      const { context } = error as { context?: { responseText?: string } };
      window.told(error.message, context?.responseText ?? '');
    },
  });
  addEventListener('pagehide', () => helper.shutdown());
};
