import { SocketIOClientHelper } from '../../src/client/index.js';

declare global {
  interface Window {
    /** Provided by the test. */
    told(message: string, answer: string, text: string): void;
    attempt(host: string, transports: string[]): void;
  }
}

/** A page that reports the error of each failed connection attempt. */
window.attempt = (host, transports) => {
  const helper = new SocketIOClientHelper({
    identifier: 'page',
    host,
    options: { path: '/io', transports, reconnectionDelay: 10, reconnectionDelayMax: 20 },
    autoAuthenticate: true,
    logger: false,
    onAuthenticated: () => window.told('authenticated', '', ''),
    onStatusChanged: ({ message = '' }) => window.told('status', '', message),
    onError: (error) => {
      const { message, context } = (error.cause ?? error) as Error & { context?: { responseText?: string } };
      window.told(message, context?.responseText ?? '', error.message);
    },
  });
  addEventListener('pagehide', () => helper.shutdown());
};
