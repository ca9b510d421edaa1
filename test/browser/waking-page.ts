import { SocketIOClientHelper } from 'roomgate/client';

export interface WakingOptions {
  readonly host: string;
  readonly transports: string[];
  /** Milliseconds until the access of each credentials ends. */
  readonly lastsMs?: number;
  readonly query?: Record<string, string>;
  readonly reconnectionDelay?: number;
}

declare global {
  interface Window {
    startClients(count: number, options: WakingOptions): void;
    clients: SocketIOClientHelper[];
    /** The number of times that credentials were asked for. */
    asked: number;
    /** When a client was authenticated last. */
    authenticatedAt: number | undefined;
    /** The present ids of the connections; null for clients without one. */
    ids(): (string | null)[];
    /** Whether every client is authenticated. */
    isIn(): boolean;
  }
}

/** A page like a user's: it does nothing for its clients when it wakes up. Credentials are new at each call. */
window.startClients = (count, { host, transports, lastsMs, query, reconnectionDelay }) => {
  window.asked = 0;
  window.clients = Array.from({ length: count }, (_, index) => {
    const helper = new SocketIOClientHelper({
      identifier: `page-${index}`,
      host,
      options: {
        path: '/io',
        transports,
        ...(query && { query }),
        ...(reconnectionDelay && { reconnectionDelay, reconnectionDelayMax: reconnectionDelay }),
      },
      credentials: ({ reason }) => {
        window.asked += 1;
        return { token: `token-${window.asked}`, user: 'ann', lastsMs, reason };
      },
      onStatusChanged: ({ status, code }) => {
        if (status === 'authenticated') window.authenticatedAt = Date.now();
        window.tell('status', code === undefined ? status : `${status} ${code}`);
      },
      logger: false,
    });
    helper.subscribe({ event: 'news', handler: (data) => window.tell('news', data) });
    return helper;
  });
};
window.ids = () => window.clients.map((client) => client.getSocketClient().id ?? null);
window.isIn = () => window.clients.every((client) => client.getStatus().status === 'authenticated');
window.tell('loaded');
