/** The events of a connection. */
export interface ConnectionEvents {
  /** An attempt to connect has begun. */
  attempting(): void;
  connected(): void;
  disconnected(reason: string): void;
  /** An attempt failed; `returning` says whether there will be another one. */
  failed(error: Error): void;
  /** A page has found out more about a failure: `error` is the same error with a clearer message. */
  explained(error: Error, earlier: Error): void;
  /** The next attempt is made at `retryAt`, in milliseconds since 1970. */
  waiting(retryAt: number): void;
  /** The number of attempts that the program allows was reached. */
  gaveUp(): void;
  authenticated(payload: unknown): void;
  /** The server asks for new credentials on this connection. */
  renewalOrdered(payload: unknown): void;
  /** This client is no longer in some rooms. */
  roomsLost(payload: unknown): void;
  /** `credentials` returned null, or the credentials that the server has refused. */
  withoutCredentials(why: null | 'refused'): void;
  unauthenticated(payload: unknown): void;
  pinged(): void;
  /** The page is visible again, or the network is back. */
  woken(): void;
  /** The server sent a packet that breaks the protocol; it was dropped. Called once for each connection. */
  dropped(): void;
}
