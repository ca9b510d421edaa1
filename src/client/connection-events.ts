/** What the connection tells. */
export interface ConnectionEvents {
  /** An attempt to connect has begun. */
  attempting(): void;
  connected(): void;
  disconnected(reason: string): void;
  /** An attempt failed; `returning` says whether there will be another one. */
  failed(error: Error): void;
  /** The next attempt is made at `retryAt`, in milliseconds since 1970. */
  waiting(retryAt: number): void;
  /** There were as many attempts as the program allowed. */
  gaveUp(): void;
  authenticated(): void;
  unauthenticated(payload: unknown): void;
  pinged(): void;
  /** The server sent a packet that breaks the protocol; it was dropped. Told once for a connection. */
  dropped(): void;
}
